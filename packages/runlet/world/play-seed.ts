// Why: one seed is one whole run with faults; the same number gives the same run, to the last byte of its log.
import { createSeededRandom } from "@runlet/runtime/random";
import { demoSettings } from "@runlet/runtime/settings";
import type { Mode } from "@runlet/simulators/actions-service/knobs";
import { planScenario } from "./plan-scenario.ts";
import { play } from "./play.ts";
import { reportOn, type Report } from "./report.ts";
import { createVirtualWorld, runUntilEnded } from "./virtual-world.ts";

export interface SeedOptions {
  seed: number;
  mode: Mode;
  jobs: number;
  faults: boolean;
  /** Whether a set without a session is assigned jobs: nobody knows, so both are played. */
  assignWithoutSession: boolean;
  onLine?: (line: string) => void;
}

export interface SeedResult {
  report: Report;
  /** Anything here means that a line of a killed invocation ran. */
  afterDeath: string[];
}

/** Plays the demo's scenario for the seed. Rejects when jobs or drain do not end in time. */
export async function playSeed(options: SeedOptions): Promise<SeedResult> {
  const { seed, mode, jobs, faults, assignWithoutSession, onLine } = options;
  const plan = planScenario(createSeededRandom(seed), {
    jobs,
    scaleSets: 3,
    clusters: 2,
    faults,
    leaseMs: demoSettings.leaseMs,
    spreadMs: 16_000,
  });
  const world = await createVirtualWorld({
    seed,
    mode,
    clusters: plan.clusters,
    scaleSets: plan.scaleSets,
    knobs: { assignWithoutSession },
    doubled: faults ? 0.1 : 0,
    redeliver: seed % 3 === 0,
    ...(onLine && { onLine }),
  });
  const { clock } = world;
  try {
    await runUntilEnded(clock, play(world, plan, { limitMs: 90_000 }), 400_000, `seed ${seed}`);
    return {
      report: reportOn(world, plan, Math.round(clock.nowMs() / 100) / 10),
      afterDeath: world.functions.afterDeath(),
    };
  } finally {
    await world.stop();
  }
}
