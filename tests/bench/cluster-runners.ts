// Why: when a runner came and when it was gone is seen on watches, to the millisecond, at no cost for who is measured.
import { ephemeralRunners, pods, type EphemeralRunner } from "@runlet/kubernetes/resources";
import { createWatchedKind } from "@runlet/kubernetes/watch";
import { createSilentLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { namespace, type ReconcilerBed } from "../cluster/reconciler-bed.ts";

export interface RunnerWatch {
  /** Runners that run now. */
  running(): number;
  /** Instants (monotonic ms) at which runners were first seen to run, since the reset. */
  runningAt(): number[];
  /** Runners of which neither object nor pod is left, since the reset. */
  gone(): number;
  goneAt(): number[];
  reset(): void;
  stop(): void;
}

export function followRunners({ admin: client, clock }: ReconcilerBed): RunnerWatch {
  const stop = new AbortController();
  const deps = { client, clock, random: createSystemRandom(), log: createSilentLog() };
  const options = { namespace, signal: stop.signal };
  const runners = createWatchedKind<EphemeralRunner>(deps, {
    ...options,
    resource: ephemeralRunners,
  });
  const itsPods = createWatchedKind(deps, { ...options, resource: pods });
  const runningAt = new Map<string, number>();
  const goneAt = new Map<string, number>();

  runners.onChange(({ type, object }) => {
    const { name } = object.metadata;
    if (type === "set" && object.status?.phase === "Running" && !runningAt.has(name))
      runningAt.set(name, clock.nowMs());
    if (type === "gone" && !itsPods.find({ namespace, name })) goneAt.set(name, clock.nowMs());
  });
  itsPods.onChange(({ type, object }) => {
    const { name } = object.metadata;
    if (type === "gone" && !runners.find({ namespace, name })) goneAt.set(name, clock.nowMs());
  });
  return {
    running: () => runners.all().filter(({ status }) => status?.phase === "Running").length,
    runningAt: () => [...runningAt.values()],
    gone: () => goneAt.size,
    goneAt: () => [...goneAt.values()],
    reset() {
      runningAt.clear();
      goneAt.clear();
    },
    stop: () => stop.abort(new Error("the benchmark ends")),
  };
}
