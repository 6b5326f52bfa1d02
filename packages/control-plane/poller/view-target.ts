// Why: a decision takes values. This turns what the watches show of one target into them, at the moment of the
// turn; the EphemeralRunnerSet is found by its owner each time, since it may have been made anew (ARC #4432).
import type { Place } from "@runlet/domain/place-runners";
import type { RunnerSetFacts } from "@runlet/domain/patch-pair";
import { int32Max, targetKey, type TargetRef } from "@runlet/domain/target";
import type { KubernetesClient } from "@runlet/kubernetes/client";
import {
  annotations,
  type AutoscalingRunnerSet,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { judgeFence } from "./decide-fence.ts";
import { mayPutRightAt } from "./decide-fight.ts";
import type { ServedTarget } from "./scale-set.ts";
import type { Shard } from "./shard.ts";
import type { WatchedCluster } from "./watch-cluster.ts";

export interface TargetView {
  key: string;
  ref: TargetRef;
  state:
    /** Its cluster answers and it may be acted on. */
    | "live"
    /** Its cluster does not answer, or was never seen. */
    | "silent"
    /** It has a deletionTimestamp. */
    | "deleting"
    /** Its cluster is being removed by a person, who may think better of it. */
    | "draining"
    /** Not there, not ours to touch, or served by ARC's listener or another installation. */
    | "absent";
  /** The other installation whose fence its EphemeralRunnerSet has; somebody may hand it over to us. */
  foreign: string | undefined;
  cluster: WatchedCluster | undefined;
  client: KubernetesClient | undefined;
  runnerSet: EphemeralRunnerSet | undefined;
  minRunners: number;
  maxRunners: number;
  priority: number;
  weight: number;
  /** Runners with a job, as the cluster says; undefined: it does not say. */
  busy: number | undefined;
  /** Pending and running runners; undefined while they are not known. */
  alive: number | undefined;
  refused: { count: number; since: number } | undefined;
}

export function viewTarget(shard: Shard, ref: TargetRef): TargetView {
  const cluster = shard.clusters.find(ref.cluster);
  const found = cluster?.findRunnerSet(ref);
  const runnerSet = found && cluster ? pickOwned(cluster.listOwned(found)) : undefined;
  const verdict = judgeFence(runnerSet?.metadata.annotations?.[annotations.fence], shard.fence());
  const foreign = verdict.kind === "foreign" ? verdict.installation : undefined;
  const status = runnerSet?.status;
  // An open watch of a cluster that does not answer says nothing new.
  const known = runnerSet !== undefined && cluster?.isLive() === true && cluster.health.isHealthy();
  return {
    key: targetKey(ref),
    ref,
    state: foreign === undefined ? stateOf(shard, cluster, ref, found) : "absent",
    foreign,
    cluster,
    client: cluster?.client(),
    runnerSet,
    minRunners: found?.spec.minRunners ?? 0,
    maxRunners: found?.spec.maxRunners ?? int32Max,
    priority: numberOf(found, annotations.priority, 0),
    weight: Math.max(0, numberOf(found, annotations.weight, 1)),
    // Below ARC's controller only an upper bound is known.
    busy: known
      ? (status?.busyEphemeralRunners ?? status?.runningEphemeralRunners ?? 0)
      : undefined,
    alive: known
      ? (status?.pendingEphemeralRunners ?? 0) + (status?.runningEphemeralRunners ?? 0)
      : undefined,
    refused: refusedOf(runnerSet),
  };
}

/** Whether orders can be written: its cluster answers, and it is ours. */
export function takesOrders({ state }: TargetView): boolean {
  return state === "live" || state === "draining" || state === "deleting";
}

/** What placement sees of the target. */
export function toPlace(
  view: TargetView,
  target: ServedTarget,
  moment: { wallMs: number; completed: number },
): Place {
  return {
    key: view.key,
    minRunners: view.minRunners,
    maxRunners: view.maxRunners,
    current: target.pair.replicas,
    busy: target.busy,
    healthy: view.state === "live",
    deleting: ["deleting", "draining", "absent"].includes(view.state),
    priority: view.priority,
    weight: view.weight,
    refused: view.refused?.count ?? 0,
    refusedLong: view.refused !== undefined && moment.wallMs - view.refused.since >= refusedLongMs,
    // What messages told of a silent cluster is in its busy count already.
    completed: view.busy === undefined ? 0 : moment.completed,
    allowance: view.cluster?.health.allowance(),
  };
}

/** What the pair rules see of the EphemeralRunnerSet. */
export function toFacts(
  view: TargetView,
  target: ServedTarget,
  runnerSet: EphemeralRunnerSet,
  nowMs: number,
): RunnerSetFacts {
  return {
    applied: target.owed?.pair === undefined && runnerSet.metadata.uid === target.uid,
    replicas: runnerSet.spec.replicas ?? 0,
    driftWaits: mayPutRightAt(target.fight) > nowMs,
    alive: view.alive === undefined ? undefined : view.alive + (view.refused?.count ?? 0),
  };
}

/** Runners that were refused this long are placed elsewhere. */
export const refusedLongMs = 60_000;

function stateOf(
  shard: Shard,
  cluster: WatchedCluster | undefined,
  ref: TargetRef,
  found: AutoscalingRunnerSet | undefined,
): TargetView["state"] {
  if (!cluster || !cluster.isListed()) return "silent";
  if (!found || !cluster.isManaged(ref.namespace) || cluster.hasListener(ref)) return "absent";
  if (found.metadata.deletionTimestamp) return "deleting";
  if (!cluster.health.isHealthy()) return "silent";
  return shard.clusters.isDraining(ref.cluster) ? "draining" : "live";
}

/** The newest one that is not being deleted: ARC 0.14 leaves older ones behind while they drain. */
function pickOwned(owned: EphemeralRunnerSet[]): EphemeralRunnerSet | undefined {
  const created = ({ metadata }: EphemeralRunnerSet) => metadata.creationTimestamp ?? "";
  return owned
    .filter(({ metadata }) => !metadata.deletionTimestamp)
    .toSorted((a, b) => (created(a) < created(b) ? 1 : -1))
    .at(0);
}

function numberOf(
  found: AutoscalingRunnerSet | undefined,
  annotation: string,
  otherwise: number,
): number {
  const text = found?.metadata.annotations?.[annotation];
  const value = text === undefined || text.trim() === "" ? NaN : Number(text);
  return Number.isFinite(value) ? value : otherwise;
}

function refusedOf(
  runnerSet: EphemeralRunnerSet | undefined,
): { count: number; since: number } | undefined {
  const text = runnerSet?.metadata.annotations?.[annotations.refused];
  if (!text) return undefined;
  try {
    const { count, since } = JSON.parse(text) as { count?: unknown; since?: unknown };
    const at = typeof since === "string" ? Date.parse(since) : Number(since);
    return typeof count === "number" && count > 0 && Number.isFinite(at)
      ? { count, since: at }
      : undefined;
  } catch {
    // Somebody edited it: as if it were not there.
    return undefined;
  }
}
