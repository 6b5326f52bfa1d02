// Why: the stand-in for every node of a cluster: it takes the pods that the API server has, plays them as
// the scenario says, and lets a test break them while they run.
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import type { KubernetesClient, ObjectKey } from "@runlet/kubernetes/client";
import { pods } from "@runlet/kubernetes/resources";
import { createWatchedKind } from "@runlet/kubernetes/watch";
import { createNodes, type NodeLoss } from "./nodes.ts";
import { runnerContainer, type Pod } from "./pod.ts";
import { startPodRun, type PodRun } from "./pod-run.ts";
import type { Exit } from "./process.ts";
import { defaultPlan, type PodPlan, type Scenario } from "./scenario.ts";

export interface KubeletDeps {
  clock: Clock;
  random: Random;
  log: Log;
  /** May read and write pods, read Secrets, bind. */
  client: KubernetesClient;
  /** How simulated runners reach the service whose JIT configs they hold. */
  fetch: Fetch;
  /** How often a busy runner says that it lives; at most half the service's patience. Default 5 s. */
  renewEveryMs?: number;
  /** Default: every pod goes well. */
  scenario?: Scenario;
  /** Names of the nodes; default one. Pods bound to other nodes are left alone. */
  nodes?: string[];
}

/** Each fault returns whether the pod is there and could be hit. */
export interface KubeletFaults {
  /** Memory or disk pressure; `graceMs` 0 (default) is a hard eviction. */
  evict(pod: ObjectKey, options?: { message?: string; graceMs?: number }): boolean;
  /** The kernel kills the container's process (default: the runner's). */
  outOfMemory(pod: ObjectKey, container?: string): boolean;
  /** The process ends by itself with this code. */
  exit(pod: ObjectKey, exitCode: number, container?: string): boolean;
  /** A node is cut off: its pods stay as they were last seen. See NodeLoss for what follows. */
  loseNode(node: string, loss?: NodeLoss): void;
  /** It is back, its containers gone. */
  returnNode(node: string): void;
}

export interface Kubelet {
  /** Resolves once it has seen all pods there are. */
  ready(): Promise<void>;
  faults: KubeletFaults;
  /** What a container has printed (default: the runner's, else the first); undefined: no such pod here. */
  logs(pod: ObjectKey, container?: string): string | undefined;
  /** Pods it has in hand, with the processes that run in them. */
  pods(): { namespace: string; name: string; node: string; running: string[] }[];
  /** Ends at once, as if all nodes lost power. Writes nothing more. */
  stop(): void;
}

export function createKubelet(deps: KubeletDeps): Kubelet {
  const stop = new AbortController();
  const runs = new Map<string, PodRun>();
  const nodes = createNodes(deps, deps.nodes ?? ["node-1"], stop.signal);
  const watched = createWatchedKind<Pod>(deps, { resource: pods, signal: stop.signal });

  function see(pod: Pod) {
    const uid = pod.metadata.uid ?? "";
    const run = runs.get(uid) ?? take(pod);
    if (!run || pod.metadata.deletionTimestamp === undefined) return;
    // Seen again with every change of the pod; only the first order counts.
    if (removing.has(uid)) return;
    removing.add(uid);
    run.remove(graceMs(pod));
  }
  const removing = new Set<string>();

  function take(pod: Pod): PodRun | undefined {
    const node = pod.spec?.nodeName ?? nodes.next();
    // Without a node the pod waits; returnNode looks again.
    if (node === undefined || !nodes.isUp(node)) return undefined;
    const given = deps.scenario?.(pod, deps.random);
    const plan: PodPlan = { ...defaultPlan, ...given };
    const phase = pod.status?.phase ?? "Pending";
    const found = phase !== "Pending" || (pod.status?.startTime ?? undefined) !== undefined;
    const run = startPodRun({ renewEveryMs: 5_000, ...deps }, { pod, node, plan, found });
    runs.set(pod.metadata.uid ?? "", run);
    return run;
  }

  function forget(pod: Pod) {
    const uid = pod.metadata.uid ?? "";
    runs.get(uid)?.vanish();
    runs.delete(uid);
    removing.delete(uid);
  }

  function findRun(key: ObjectKey): PodRun | undefined {
    const uid = watched.find(key)?.metadata.uid;
    return uid === undefined ? undefined : runs.get(uid);
  }
  function kill(key: ObjectKey, container: string, exit: Exit): boolean {
    return findRun(key)?.kill(container, exit) ?? false;
  }

  watched.onChange(({ type, object }) => (type === "gone" ? forget(object) : see(object)));

  return {
    ready: () => watched.ready(),
    faults: {
      evict(key, options = {}) {
        const message = options.message ?? "The node was low on resource: memory.";
        const graceMs = options.graceMs ?? 0;
        return findRun(key)?.evict({ reason: "Evicted", message, graceMs }) ?? false;
      },
      outOfMemory: (key, container = runnerContainer) =>
        kill(key, container, { exitCode: 137, reason: "OOMKilled" }),
      exit: (key, exitCode, container = runnerContainer) =>
        kill(key, container, { exitCode, reason: exitCode === 0 ? "Completed" : "Error" }),
      loseNode(node, loss) {
        const lost = [...runs.values()].filter((run) => run.node === node);
        for (const run of lost) forget(run.pod);
        nodes.lose(node, () => watched.all().filter((pod) => pod.spec?.nodeName === node), loss);
      },
      returnNode(node) {
        nodes.return(node);
        for (const pod of watched.all()) see(pod);
      },
    },
    logs(key, container) {
      const run = findRun(key);
      const names = run?.pod.spec?.containers?.map((one) => one.name) ?? [];
      const name = container ?? (names.includes(runnerContainer) ? runnerContainer : names[0]);
      return name === undefined ? undefined : run?.logs(name);
    },
    pods: () =>
      [...runs.values()].map((run) => ({
        namespace: run.pod.metadata.namespace ?? "",
        name: run.pod.metadata.name,
        node: run.node,
        running: run.running(),
      })),
    stop() {
      stop.abort(new Error("the kubelet stops"));
      for (const run of runs.values()) run.vanish();
      runs.clear();
    },
  };
}

/** 30 s is the API's default. */
function graceMs(pod: Pod): number {
  const { deletionGracePeriodSeconds } = pod.metadata;
  return (deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
}
