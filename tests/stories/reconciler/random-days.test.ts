// Why: stories try one thing at a time; trouble comes in heaps. From a seed: orders, jobs, faults of both services, cut
// watches and killed reconcilers in any mixture; afterwards nothing may be lost, left over or too many.
import { describe, expect, it } from "vitest";
import { createSeededRandom } from "@runlet/runtime/random";
import type { PodPlan, Scenario } from "@runlet/simulators/kubelet/scenario";
import { createWorld, nothing, type RunningReconciler, type World } from "./reconciler-world.ts";

/** A name only for this test: what a step does to the world. */
type Step = (world: World, random: ReturnType<typeof createSeededRandom>) => void;

const kubeFaults: Step = (world, random) => {
  const user = "system:serviceaccount:default:runlet-reconciler";
  const status = [409, 429, 500, 503][random.int(4)] ?? 500;
  world.kube.setFaults([
    { user, chance: 0.15, effect: { kind: "lost-answer" } },
    { user, chance: 0.15, effect: { kind: "status", status, retryAfterSeconds: 1 } },
    { user, chance: 0.1, effect: { kind: "latency", ms: random.int(3_000) } },
  ]);
};
const githubFaults: Step = (world, random) => {
  const times = 200;
  const { control } = world.github;
  control.addFault({ route: "generateJitConfig", drop: "after", chance: 0.2, times });
  control.addFault({ route: "removeRunner", drop: "after", chance: 0.2, times });
  control.addFault({ route: "*", status: 503, chance: 0.1 * random.next(), times });
};
const calm: Step = (world) => {
  world.kube.setFaults([]);
  world.github.control.clearFaults();
};

/** One pod in five comes to nothing, each in its own way. */
const troubledPods: Scenario = (_pod, random) => {
  const ways: Partial<PodPlan>[] = [
    { runner: { kind: "exits", exitCode: 1, afterMs: 200 } },
    { runner: { kind: "dies-before-job", exitCode: 2, afterMs: 10 } },
    { runner: { kind: "exits", exitCode: 0, afterMs: 100 } },
    { refusedBy: { reason: "OutOfcpu", message: "no cpu" } },
    { pullFailuresCount: 2 },
  ];
  return random.next() < 0.8 ? {} : (ways[random.int(ways.length)] ?? {});
};

async function playDay(seed: number) {
  const random = createSeededRandom(seed);
  const world = createWorld({ seed, start: false, scenario: troubledPods });
  let running: RunningReconciler = world.start();
  await world.serve("builders");
  let patchId = 0;
  let most = 0;
  const tooMany: string[] = [];
  const steps: Step[] = [
    kubeFaults,
    githubFaults,
    calm,
    (w) => void w.kube.cutWatches({ broken: true }),
    (w) => {
      w.kube.cutWatches({ broken: true });
      w.kube.compact(0);
    },
    (w) => {
      running.life.kill();
      running = w.start();
    },
    (w, r) =>
      void w.github.control.queueJobs({
        scaleSet: "builders",
        count: 1 + r.int(3),
        durationMs: r.int(20_000),
      }),
  ];
  for (let i = 0; i < 25; i++) {
    steps[random.int(steps.length)]?.(world, random);
    const replicas = random.int(6);
    const isQuiet = random.int(4) === 0;
    most = Math.max(most, replicas);
    await world.order("builders", replicas, isQuiet ? 0 : ++patchId);
    for (let part = 0; part < 8; part++) {
      await world.clock.runFor(random.int(2_000));
      await world.tellJobs();
      const alive = world.runners().filter(({ metadata }) => !metadata.deletionTimestamp).length;
      if (alive > most) tooMany.push(`step ${i}: ${alive} runners, at most ${most} were ordered`);
    }
  }
  calm(world, random);
  // Jobs that nobody took yet still want runners, as the tally would say.
  await world.order("builders", most + 1, ++patchId);
  await world.clock.runFor(200_000);
  return { world, tooMany };
}

describe("random days", () => {
  for (let seed = 1; seed <= 12; seed++) {
    it(`seed ${seed}: no job fails, no runner too many, nothing left over`, async () => {
      const { world, tooMany } = await playDay(seed);
      expect(tooMany, `seed ${seed}`).toEqual([]);
      await world.deleteSet("builders");
      await world.clock.runFor(240_000);
      expect(world.leftovers(), `seed ${seed}`).toEqual(nothing);
      expect(world.autoscaling(), `seed ${seed}`).toEqual([]);
      expect(world.github.control.scaleSets(), `seed ${seed}`).toEqual([]);
      const outcomes = world.github.control
        .ledger()
        .jobs.map(({ outcome, startedAt }) =>
          startedAt === undefined ? "never started" : outcome,
        );
      const bad = outcomes.filter((one) => one !== "succeeded" && one !== "never started");
      expect(bad, `seed ${seed}`).toEqual([]);
    }, 60_000);
  }
});
