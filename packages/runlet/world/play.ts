// Why: a scenario is played the same way for a person, a story and a seed: queue the jobs at their times, strike with
// the faults at theirs, wait until every job has ended, take everything down, and look what is left.
import type { Clock } from "@runlet/runtime/clock";
import { autoscalingRunnerSets } from "@runlet/kubernetes/resources";
import { runnersNamespace } from "./manifests.ts";
import { countLeftovers, describeLeftovers, findLeftovers } from "./leftovers.ts";
import type { FaultPlan, ScenarioPlan } from "./plan-scenario.ts";
import { strike } from "./strike.ts";
import type { World } from "./world.ts";

export interface PlayOptions {
  /** How long the jobs, and afterwards the drain, may take. */
  limitMs: number;
  /** Called a few times a second with what is going on. */
  onProgress?: (phase: "starting" | "playing" | "draining") => void;
  /** Called when a fault has struck, with what it hit. */
  onFault?: (fault: FaultPlan, what: string) => void;
}

/** What did not end in time. */
export class PlayTimeout extends Error {
  override name = "PlayTimeout";
}

/** Plays the plan to its end. Rejects with PlayTimeout when jobs or drain do not end in time. */
export async function play(world: World, plan: ScenarioPlan, options: PlayOptions): Promise<void> {
  const { clock, service } = world;
  const waitFor = createWaiter(clock, options);
  // The busy sets come first and fill the first shard; those that rest between jobs come to others.
  const busy = plan.scaleSets.slice(0, busySets);
  const served = (count: number) =>
    waitFor(
      "starting",
      () => servedCount(world) >= count,
      () => everySet,
    );
  await world.start(busy);
  await served(busy.length);
  for (const set of plan.scaleSets.slice(busySets))
    set.clusters.forEach((name) => world.apply(name, set));
  await served(plan.scaleSets.length);

  const { lost, doubled, delayMs } = plan.webhooks;
  service.control.setKnobs({
    webhookLoss: lost,
    webhookDoubling: doubled,
    webhookDelayMs: delayMs,
  });
  for (const job of plan.jobs) {
    clock.after(job.atMs, () => {
      const { scaleSet, durationMs, result, cancelAfterMs } = job;
      const [queued] = service.control.queueJobs({ scaleSet, durationMs, result });
      if (queued && cancelAfterMs !== undefined) {
        clock.after(cancelAfterMs, () => service.control.cancelJob(queued.key));
      }
    });
  }
  for (const fault of plan.faults)
    clock.after(fault.atMs, () => strike(world, fault, options.onFault ?? (() => {})));
  const lastAt = Math.max(
    0,
    ...plan.jobs.map(({ atMs }) => atMs),
    ...plan.faults.map(({ atMs }) => atMs),
  );
  const allQueuedAt = clock.nowMs() + lastAt;
  await waitFor(
    "playing",
    () => clock.nowMs() > allQueuedAt && openJobs(world) === 0,
    () => `${openJobs(world)} open jobs to end`,
  );

  await takeDown(world);
  const left = () => countLeftovers(findLeftovers(world));
  await waitFor(
    "draining",
    () => left() === 0,
    () => `to be gone: ${describeLeftovers(findLeftovers(world))}`,
  );
}

function createWaiter(clock: Clock, { limitMs, onProgress }: PlayOptions) {
  return async (
    phase: "starting" | "playing" | "draining",
    done: () => boolean,
    what: () => string,
  ) => {
    const until = clock.nowMs() + limitMs;
    while (!done()) {
      if (clock.nowMs() >= until) {
        throw new PlayTimeout(`waited ${Math.round(limitMs / 1000)} s for ${what()}`);
      }
      onProgress?.(phase);
      await clock.sleep(100);
    }
  };
}

const busySets = 2;
const everySet = "every scale set to have a session once";

function servedCount({ recorder }: World): number {
  const served = new Set<string>();
  for (const fact of recorder.facts()) if (fact.kind === "poll-opened") served.add(fact.scaleSet);
  return served.size;
}

export function openJobs({ service }: Pick<World, "service">): number {
  const { counts } = service.control.ledger();
  return counts.queued - counts.completed;
}

/** Deletes every AutoscalingRunnerSet, as `kubectl delete` does. */
async function takeDown({ clusters }: World): Promise<void> {
  for (const { admin } of clusters.values()) {
    const sets = await admin.list(autoscalingRunnerSets, { namespace: runnersNamespace });
    for (const { metadata } of sets.items) {
      await admin.remove(autoscalingRunnerSets, {
        namespace: runnersNamespace,
        name: metadata.name,
      });
    }
  }
}
