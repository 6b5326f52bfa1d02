// Why: the stories of this folder begin with everything up: service, clusters, reconcilers, functions, sweep, all in
// this thread and virtual time. This is how they begin, look and end.
import { expect } from "vitest";
import { autoscalingRunnerSets } from "@runlet/kubernetes/resources";
import { countLeftovers, describeLeftovers, findLeftovers } from "@runlet/runlet/world/leftovers";
import { runnersNamespace } from "@runlet/runlet/world/manifests";
import type { ScaleSetPlan } from "@runlet/runlet/world/plan-scenario";
import { judgeRefusals } from "@runlet/runlet/world/report";
import {
  createVirtualWorld,
  runUntilEnded,
  type VirtualOptions,
  type VirtualWorld,
} from "@runlet/runlet/world/virtual-world";

export const modes = ["acquire", "auto-assign"] as const;

export interface RunningWorld extends VirtualWorld {
  queue(scaleSet: string, jobs?: { count?: number; durationMs?: number }): string[];
  /** Jobs that have neither ended nor been cancelled. */
  openJobs(): number;
  /** Waits (in virtual time) until every job has ended; throws after `limitMs`. */
  jobsEnd(limitMs: number): Promise<void>;
  until(done: () => boolean, limitMs: number, what: string): Promise<void>;
  /** Runners of a set that exist in a cluster now. */
  runnersIn(cluster: string, scaleSet: string): number;
  patchSet(cluster: string, name: string, spec: Record<string, unknown>): Promise<void>;
  deleteSet(cluster: string, name: string): Promise<void>;
  /** Deletes all that is left, and checks that nothing remains of anything within `limitMs`. */
  endClean(limitMs?: number): Promise<void>;
}

export const linux: ScaleSetPlan = {
  name: "linux",
  clusters: ["east"],
  minRunners: 0,
  maxRunners: 10,
};

/** A world whose scale sets all have a session. */
export async function startWorld(
  options: Pick<VirtualOptions, "mode"> & Partial<VirtualOptions>,
  /** Changes the clusters before anything is started. */
  prepare: (world: VirtualWorld) => void = () => {},
): Promise<RunningWorld> {
  const scaleSets = options.scaleSets ?? [linux];
  const world = await createVirtualWorld({
    seed: 1,
    clusters: [...new Set(scaleSets.flatMap(({ clusters }) => clusters))],
    ...options,
    scaleSets,
  });
  const running = withHands(world);
  prepare(world);
  await runUntilEnded(world.clock, world.start(), 10_000, "the world's start");
  const names = new Set(scaleSets.map(({ name }) => name));
  const served = () =>
    new Set(
      world.recorder
        .facts()
        .flatMap((fact) => (fact.kind === "poll-opened" ? [fact.scaleSet] : [])),
    ).size;
  await running.until(() => served() >= names.size, 20_000, "a session for every set");
  return running;
}

function withHands(world: VirtualWorld): RunningWorld {
  const { clock, service, clusters } = world;
  const apiOf = (cluster: string) => {
    const found = clusters.get(cluster);
    if (!found) throw new Error(`there is no cluster ${cluster}`);
    return found;
  };
  const key = (name: string) => ({ namespace: runnersNamespace, name });
  const act = <T>(call: Promise<T>) => runUntilEnded(clock, call, 30_000, "a call of the story");
  const openJobs = () => {
    const { queued, completed } = service.control.ledger().counts;
    return queued - completed;
  };
  const until = (done: () => boolean, limitMs: number, what: string) =>
    clock.runUntil(done, limitMs, what);
  const left = () => findLeftovers(world);

  const hands: Omit<RunningWorld, keyof VirtualWorld> = {
    queue: (scaleSet, { count = 1, durationMs = 500 } = {}) =>
      service.control.queueJobs({ scaleSet, count, durationMs }).map(({ key: job }) => job),
    openJobs,
    jobsEnd: (limitMs) => until(() => openJobs() === 0, limitMs, "the end of every job"),
    until,
    runnersIn: (cluster, scaleSet) =>
      apiOf(cluster)
        .api.objects("actions.github.com/v1alpha1", "EphemeralRunner", runnersNamespace)
        .filter(({ metadata }) => metadata.name.startsWith(`${scaleSet}-`)).length,
    async patchSet(cluster, name, spec) {
      const patch = { type: "merge", body: { spec } } as const;
      await act(apiOf(cluster).admin.patch(autoscalingRunnerSets, key(name), patch));
    },
    async deleteSet(cluster, name) {
      await act(apiOf(cluster).admin.remove(autoscalingRunnerSets, key(name)));
    },
    async endClean(limitMs = 60_000) {
      for (const { admin, api } of clusters.values()) {
        const sets = api.objects("actions.github.com/v1alpha1", "AutoscalingRunnerSet");
        for (const { metadata } of sets) {
          const { namespace = "", name } = metadata;
          await act(admin.remove(autoscalingRunnerSets, { namespace, name }));
        }
      }
      await until(() => countLeftovers(left()) === 0, limitMs, "an empty world").catch(() => {
        throw new Error(`left over: ${describeLeftovers(left())}`);
      });
      expect(judgeRefusals(world.recorder.facts()).unexplained).toBe(0);
      expect(world.functions.afterDeath()).toEqual([]);
      await world.stop();
    },
  };
  return Object.assign(world, hands);
}

/** The ms between two facts of the service: time bounds compare instants of what happened. */
export function msBetween(
  world: RunningWorld,
  from: { kind: string; job: string },
  to: { kind: string; job: string },
): number {
  const at = ({ kind, job }: { kind: string; job: string }) => {
    const found = world.recorder
      .facts()
      .find((fact) => fact.kind === kind && "job" in fact && jobKey(fact.job) === job);
    if (!found) throw new Error(`${kind} of ${job} did not happen`);
    return found.at;
  };
  return at(to) - at(from);
}

function jobKey(job: unknown): string {
  return typeof job === "object" && job !== null && "key" in job ? String(job.key) : String(job);
}
