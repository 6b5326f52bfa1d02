// Why: nodes are where pods are lost wholesale. A node that falls silent changes nothing in the API at
// first; the control plane notices after a while, marks its pods, and then wants them gone, which nobody
// there can confirm (Kubernetes docs, "Nodes": node controller, taint-based eviction; pod GC).
import type { Resource } from "@runlet/kubernetes/client";
import { pods } from "@runlet/kubernetes/resources";
import type { Pod, PodCondition } from "./pod.ts";
import { stamp } from "./container-run.ts";
import { removePod, untilDone, type KubeletCallDeps } from "./status-writer.ts";

/** What the control plane does about a lost node; all in ms from the loss, Infinity: never. */
export interface NodeLoss {
  /** Its pods are marked not ready; default 40 s (node-monitor-grace-period). */
  noticedMs?: number;
  /** Its pods are deleted (and stay, terminating); default 340 s (plus tolerationSeconds 300). */
  evictedMs?: number;
  /** The node object is deleted and pod garbage collection removes the pods by force; default never. */
  forgottenMs?: number;
}

interface NodeCondition {
  type: "Ready";
  status: "True" | "Unknown";
  reason: string;
  lastTransitionTime: string;
}

const nodeResource: Resource = {
  group: "",
  version: "v1",
  plural: "nodes",
  kind: "Node",
  namespaced: false,
};

export interface Nodes {
  /** The node for a new pod, in turn; undefined when none is up. */
  next(): string | undefined;
  isUp(node: string): boolean;
  lose(node: string, podsOf: () => Pod[], loss?: NodeLoss): void;
  return(node: string): void;
}

export function createNodes(deps: KubeletCallDeps, names: string[], stop: AbortSignal): Nodes {
  const lost = new Map<string, AbortController>();
  let turn = 0;
  const isUp = (node: string) => names.includes(node) && !lost.has(node);
  // Pods on nodes that have no object are collected as orphans by a real controller-manager.
  for (const name of names) void register(deps, name, stop);

  return {
    isUp,
    next() {
      const up = names.filter(isUp);
      return up[turn++ % Math.max(1, up.length)];
    },
    lose(node, podsOf, loss = {}) {
      lost.get(node)?.abort();
      const absence = new AbortController();
      lost.set(node, absence);
      stop.addEventListener("abort", () => absence.abort(stop.reason), { once: true });
      const { signal } = absence;
      const later = (ms: number, act: () => Promise<void>[]) => {
        if (ms === Infinity) return;
        const cancel = deps.clock.after(ms, () => void act());
        signal.addEventListener("abort", cancel, { once: true });
      };
      later(loss.noticedMs ?? 40_000, () => [
        setReady(deps, node, false, signal),
        ...podsOf().map((pod) => markNotReady(deps, pod, signal)),
      ]);
      later(loss.evictedMs ?? 340_000, () => podsOf().map((pod) => deletePod(deps, pod, signal)));
      later(loss.forgottenMs ?? Infinity, () =>
        podsOf().map((pod) => removePod(deps, pod, signal)),
      );
    },
    return(node) {
      lost.get(node)?.abort(new Error("the node is back"));
      if (lost.delete(node)) void setReady(deps, node, true, stop);
    },
  };
}

function readyCondition(deps: KubeletCallDeps, ready: boolean): NodeCondition {
  const lastTransitionTime = stamp(deps.clock);
  return ready
    ? { type: "Ready", status: "True", reason: "KubeletReady", lastTransitionTime }
    : { type: "Ready", status: "Unknown", reason: "NodeStatusUnknown", lastTransitionTime };
}

async function register(deps: KubeletCallDeps, name: string, stop: AbortSignal): Promise<void> {
  await untilDone(deps, stop, async () => {
    await deps.client.create(nodeResource, { metadata: { name } }, { signal: stop });
  });
  // An API server drops the status of what is created.
  await setReady(deps, name, true, stop);
}

async function setReady(
  deps: KubeletCallDeps,
  name: string,
  ready: boolean,
  signal: AbortSignal,
): Promise<void> {
  const body = { status: { conditions: [readyCondition(deps, ready)] } };
  await untilDone(deps, signal, async () => {
    const options = { subresource: "status", signal } as const;
    await deps.client.patch(nodeResource, { name }, { type: "merge", body }, options);
  });
}

async function markNotReady(deps: KubeletCallDeps, pod: Pod, signal: AbortSignal): Promise<void> {
  const { namespace = "", name, uid } = pod.metadata;
  const now = stamp(deps.clock);
  const why = { reason: "NodeNotReady", message: "Node is not ready" };
  const conditions = (pod.status?.conditions ?? []).map((one): PodCondition =>
    one.type === "Ready" ? { ...one, status: "False", lastTransitionTime: now, ...why } : one,
  );
  const body = { metadata: { uid }, status: { conditions } };
  await untilDone(deps, signal, async () => {
    const options = { subresource: "status", signal } as const;
    await deps.client.patch(pods, { namespace, name }, { type: "merge", body }, options);
  });
}

async function deletePod(deps: KubeletCallDeps, pod: Pod, signal: AbortSignal): Promise<void> {
  const { namespace = "", name, uid = "" } = pod.metadata;
  await untilDone(deps, signal, async () => {
    await deps.client.remove(pods, { namespace, name }, { uid, signal });
  });
}
