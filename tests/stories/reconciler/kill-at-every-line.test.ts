// Design: a killed process does not throw; its calls never settle again. The reconciler is struck just before and just
// after each of its effects in turn; a fresh one must finish the work and leave nothing over.
import { describe, expect, it } from "vitest";
import type { EffectPoint, Lifeline } from "@runlet/runlet/world/lifeline";
import {
  createWorld,
  nothing,
  runnerSetManifest,
  type ReconcilerPorts,
  type World,
} from "./reconciler-world.ts";

type Strike = (point: EffectPoint, life: Lifeline<ReconcilerPorts>) => void;

/** From an empty cluster to an empty cluster: two runners, one job, one idle runner taken back, deletion. */
async function playDay(world: World) {
  world.kube.applyManifests(runnerSetManifest("builders"));
  const isServed = () => world.runnerSetOf("builders") !== undefined;
  await world.clock.runUntil(isServed, 30_000, "the runner set");
  world.github.control.queueJobs({ scaleSet: "builders", durationMs: 4_000 });
  await world.order("builders", 2, 1);
  const areRunning = () =>
    world.github.control.runners().filter(({ state }) => state !== "offline").length === 2;
  await world.clock.runUntil(areRunning, 60_000, "two runners at work");
  const isDone = () => world.github.control.ledger().counts.completed === 1;
  await world.clock.runUntil(isDone, 60_000, "the job");
  await world.order("builders", 0, 0);
  const isEmpty = () => world.runners().length === 0;
  await world.clock.runUntil(isEmpty, 90_000, "no runners");
  await world.deleteSet("builders");
  const isGone = () => world.autoscaling().length === 0;
  await world.clock.runUntil(isGone, 60_000, "no set");
  await world.clock.runFor(1_000);
}

/** Plays the day with one reconciler that `strike` may kill; then another one is started at once. */
async function playWithKill(strike: Strike) {
  const world = createWorld({ start: false });
  let isStruck = false;
  /** Calls tried in the very turn of the kill: they were on their way, and never happened. */
  let inThatTurn = 0;
  const first = world.start((point, life) => {
    strike(point, life);
    if (life.state() !== "dead" || isStruck) return;
    isStruck = true;
    world.clock.after(1, () => void (inThatTurn = life.afterDeath.length));
    world.clock.after(500, () => world.start());
  });
  await playDay(world);
  return { world, isStruck, afterDeath: first.life.afterDeath.slice(inThatTurn) };
}

async function countEffects(): Promise<string[]> {
  const effects: string[] = [];
  await playWithKill(({ phase, what }) => phase === "before" && effects.push(what));
  return effects;
}

describe("the reconciler killed at every line", () => {
  for (const phase of ["before", "after"] as const) {
    it(`just ${phase} each effect: a fresh one finishes, nothing is left over`, async () => {
      const effects = await countEffects();
      expect(effects.length).toBeGreaterThan(40);
      for (const [index, what] of effects.entries()) {
        const { world, isStruck, afterDeath } = await playWithKill((point, life) => {
          if (point.index === index && point.phase === phase) life.kill();
        });
        const where = `${phase} effect ${index}: ${what}`;
        expect(isStruck, where).toBe(true);
        expect(afterDeath, where).toEqual([]);
        expect(world.leftovers(), where).toEqual(nothing);
        expect(world.runnerSets(), where).toEqual([]);
        expect(world.github.control.scaleSets(), where).toEqual([]);
        expect(world.github.control.ledger().counts, where).toMatchObject({ completed: 1 });
        const refusedTwice = world.github.control
          .requests()
          .filter(({ route, status }) => route === "runnerConnect" && status !== 200);
        expect(refusedTwice, `${where}: a JIT config was used twice`).toEqual([]);
      }
    }, 240_000);
  }
});
