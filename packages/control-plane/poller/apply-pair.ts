// Why: the one write that matters. It carries the fence and says what it expects to find, so that the API server
// itself refuses an invocation that was frozen and woken late; whoever is refused finds out why before it goes on.
import type { Pair } from "@runlet/domain/target";
import { formatFence } from "@runlet/coordination/lease";
import {
  KubernetesError,
  type JsonPatchOperation,
  type KubernetesClient,
} from "@runlet/kubernetes/client";
import {
  annotations,
  ephemeralRunnerSets,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { annotate, judgeFence, testsFor } from "./decide-fence.ts";
import { isStillOurs } from "./ownership.ts";
import type { ServedSet } from "./scale-set.ts";
import type { Shard } from "./shard.ts";

/** What is written to an EphemeralRunnerSet; without a pair only the fence. */
export interface RunnerSetChange {
  pair?: Pair;
  statistics?: string;
}

export interface ReachedCluster {
  name: string;
  client: KubernetesClient;
}

export type Applied =
  | { kind: "applied"; runnerSet: EphemeralRunnerSet }
  /** Not now: to be tried again. */
  | { kind: "owed"; error: unknown; silent: boolean; retryAfterMs: number | undefined }
  /** The object is gone or another one has its name: the watch will show the next. */
  | { kind: "gone" }
  /** Another installation serves it. */
  | { kind: "foreign"; runnerSet: EphemeralRunnerSet }
  /** Another invocation of ours serves the scale set now. */
  | { kind: "forget" };

const attempts = 5;

/** Writes `change` to the EphemeralRunnerSet that was `seen`, unless it is somebody else's. */
export async function applyPair(
  shard: Shard,
  set: ServedSet,
  cluster: ReachedCluster,
  seen: EphemeralRunnerSet,
  change: RunnerSetChange,
): Promise<Applied> {
  let current = seen;
  let last: unknown;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const verdict = judgeFence(current.metadata.annotations?.[annotations.fence], shard.fence());
    if (verdict.kind !== "write") shard.deps.metrics.count("fences-refused");
    if (verdict.kind === "foreign") return { kind: "foreign", runnerSet: current };
    if (verdict.kind === "larger") {
      if (!(await isStillOurs(shard, set))) return { kind: "forget" };
      await shard.raiseFence(verdict.n);
    }
    try {
      const runnerSet = await patch(shard, set, cluster, current, change);
      return { kind: "applied", runnerSet };
    } catch (error) {
      last = error;
      if (!wasRefused(error)) return notNow(error);
    }
    const again = await readAgain(shard, set, cluster, current);
    if ("kind" in again) return again;
    current = again.runnerSet;
  }
  return { kind: "owed", error: last, silent: false, retryAfterMs: undefined };
}

function patch(
  shard: Shard,
  set: ServedSet,
  cluster: ReachedCluster,
  { metadata }: EphemeralRunnerSet,
  change: RunnerSetChange,
): Promise<EphemeralRunnerSet> {
  const fence = formatFence(shard.fence());
  const { pair, statistics } = change;
  const operations: JsonPatchOperation[] = [
    ...testsFor(metadata),
    ...annotate(metadata, {
      [annotations.fence]: fence,
      ...(statistics !== undefined && { [annotations.statistics]: statistics }),
    }),
  ];
  if (pair) {
    operations.push({ op: "add", path: "/spec/replicas", value: pair.replicas });
    operations.push({ op: "add", path: "/spec/patchID", value: pair.patchId });
  }
  const { name, namespace } = metadata;
  return shard.effect(`cluster ${cluster.name}`, set.row.key, (options) =>
    cluster.client.patch<EphemeralRunnerSet>(
      ephemeralRunnerSets,
      { name, ...(namespace !== undefined && { namespace }) },
      { type: "json", operations },
      options,
    ),
  );
}

async function readAgain(
  shard: Shard,
  set: ServedSet,
  cluster: ReachedCluster,
  { metadata }: EphemeralRunnerSet,
): Promise<{ runnerSet: EphemeralRunnerSet } | Applied> {
  const { name, namespace } = metadata;
  try {
    const found = await shard.effect(`cluster ${cluster.name}`, set.row.key, (options) =>
      cluster.client.find<EphemeralRunnerSet>(
        ephemeralRunnerSets,
        { name, ...(namespace !== undefined && { namespace }) },
        options,
      ),
    );
    return found?.metadata.uid === metadata.uid && found ? { runnerSet: found } : { kind: "gone" };
  } catch (error) {
    return notNow(error);
  }
}

/** A test of the patch failed (422), or a write came between (409). */
function wasRefused(error: unknown): boolean {
  return error instanceof KubernetesError && (error.status === 422 || error.status === 409);
}

/** Anything but the cluster's own answer ends the turn: the lease is lost, or there is a bug. */
function notNow(error: unknown): Applied {
  if (!(error instanceof KubernetesError)) throw error;
  if (error.status === 404) return { kind: "gone" };
  return { kind: "owed", error, silent: error.status === 0, retryAfterMs: error.retryAfterMs };
}
