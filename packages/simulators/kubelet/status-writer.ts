// Why: a kubelet writes a pod's status until the API server has it, however often that fails, and never
// the same pod's twice at once; what changes meanwhile goes along with the next write.
import { backoffMs } from "@runlet/runtime/backoff";
import type { Clock } from "@runlet/runtime/clock";
import type { Random } from "@runlet/runtime/random";
import { KubernetesError, type KubernetesClient } from "@runlet/kubernetes/client";
import { pods } from "@runlet/kubernetes/resources";
import type { Pod, PodStatus } from "./pod.ts";

export interface KubeletCallDeps {
  clock: Clock;
  random: Random;
  client: KubernetesClient;
}

export interface StatusWriter {
  /** The status has changed; it is written soon. */
  changed(): void;
  /** Resolves when everything changed so far is written, or the pod is gone. */
  settled(): Promise<void>;
}

const backoff = { baseMs: 100, capMs: 5_000 };

/** Writes what `status` says at the moment of each write; stops for good when `life` aborts. */
export function createStatusWriter(
  deps: KubeletCallDeps,
  pod: Pod,
  status: () => PodStatus,
  life: AbortSignal,
): StatusWriter {
  let dirty = false;
  let writing: Promise<void> | undefined;

  async function write() {
    while (dirty && !life.aborted) {
      dirty = false;
      const written = await untilDone(deps, life, () => patchStatus(deps, pod, status(), life));
      if (written === "gone") return;
    }
  }
  return {
    changed() {
      dirty = true;
      writing ??= write().finally(() => (writing = undefined));
    },
    settled: async () => writing,
  };
}

/** Deletes the pod for good, as a kubelet does when nothing of it runs any more. */
export async function removePod(deps: KubeletCallDeps, pod: Pod, life: AbortSignal): Promise<void> {
  const { namespace = "", name, uid = "" } = pod.metadata;
  await untilDone(deps, life, async () => {
    await deps.client.remove(
      pods,
      { namespace, name },
      { uid, gracePeriodSeconds: 0, signal: life },
    );
  });
}

/** Tries again, with back-off, until it succeeds or the object is no longer the one meant. */
export async function untilDone(
  deps: KubeletCallDeps,
  life: AbortSignal,
  call: () => Promise<void>,
): Promise<"done" | "gone"> {
  for (let attempt = 0; ; attempt++) {
    try {
      await call();
      return "done";
    } catch (error) {
      // 409: another pod has this name now (our uid is a precondition). 422: the same, for some servers.
      const status = error instanceof KubernetesError ? error.status : 0;
      if (life.aborted || status === 404 || status === 409 || status === 422) return "gone";
      const asked = error instanceof KubernetesError ? (error.retryAfterMs ?? 0) : 0;
      const waitMs = Math.max(asked, backoffMs(deps.random, backoff, attempt));
      await deps.clock.sleep(waitMs, life).catch(() => {});
    }
  }
}

async function patchStatus(
  deps: KubeletCallDeps,
  pod: Pod,
  status: PodStatus,
  signal: AbortSignal,
): Promise<void> {
  const { namespace = "", name, uid } = pod.metadata;
  // A merge patch leaves alone what it does not name: what is no longer there must be named as null.
  const nothing = { reason: null, message: null, containerStatuses: null };
  const body = { metadata: { uid }, status: { ...nothing, ...status } };
  const options = { subresource: "status", signal } as const;
  await deps.client.patch(pods, { namespace, name }, { type: "merge", body }, options);
}
