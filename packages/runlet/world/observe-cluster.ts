// Why: the recorder's eyes in a cluster, besides everything that is under test: an administrator's watches.
import {
  ephemeralRunners,
  ephemeralRunnerSets,
  labels,
  type EphemeralRunner,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { createWatchedKind } from "@runlet/kubernetes/watch";
import type { Clock } from "@runlet/runtime/clock";
import { createSilentLog } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import type { WorldCluster } from "./cluster.ts";
import type { Recorder } from "./recorder.ts";

/** Tells the recorder what runner sets ask for and which runners are made, until the signal aborts. */
export function observeCluster(
  { clock, random }: { clock: Clock; random: Random },
  recorder: Recorder,
  { name, admin }: WorldCluster,
  signal: AbortSignal,
) {
  const watch = { client: admin, clock, random, log: createSilentLog() };
  const sets = createWatchedKind<EphemeralRunnerSet>(watch, {
    resource: ephemeralRunnerSets,
    signal,
  });
  sets.onChange(({ type, object }) => {
    const scaleSet = object.metadata.labels?.[labels.scaleSetName] ?? "";
    const replicas = type === "gone" ? 0 : (object.spec.replicas ?? 0);
    recorder.desired(scaleSet, name, replicas, clock.nowMs());
  });
  const seen = new Set<string>();
  const runners = createWatchedKind<EphemeralRunner>(watch, { resource: ephemeralRunners, signal });
  runners.onChange(({ object }) => {
    const uid = object.metadata.uid ?? "";
    if (seen.has(uid)) return;
    seen.add(uid);
    recorder.runnerMade(name);
  });
}
