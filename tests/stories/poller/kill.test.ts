// Invariants: no job lost, acknowledged only after acting, a replay changes nothing. A killed invocation's calls neither
// resolve nor reject ever again (packages/runlet/world/lifeline.ts), so nothing is tidied up on the way out.
import { describe, expect, it } from "vitest";
import type { EffectPoint } from "@runlet/runlet/world/lifeline";
import type { Mode } from "@runlet/simulators/actions-service/knobs";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

const modes = ["acquire", "auto-assign"] as const;
const queueAt = 4_000;
const bootMs = 2_000;
const jobMs = 3_000;
/** From the kill: a lease's length and two seconds, a runner's start and the job itself. */
const boundMs = 15_000 + 2_000 + bootMs + jobMs;

interface Struck {
  world: PollerWorld;
  /** The first invocation's effects, in order. */
  effects: EffectPoint[];
  killedAt: number | undefined;
}

/** Plays a lone job; strikes the first invocation at the effect of that index and phase. */
async function play(
  mode: Mode,
  strike?: { index: number; phase: EffectPoint["phase"] },
): Promise<Struck> {
  const struck: Partial<Struck> & { effects: EffectPoint[] } = { effects: [] };
  const world = await createPollerWorld({
    mode,
    bootMs,
    failureNotices: true,
    onEffect(point, life, invocation) {
      if (invocation.id !== "invocation-0") return;
      if (point.phase === "before") struck.effects.push(point);
      if (point.index !== strike?.index || point.phase !== strike.phase) return;
      struck.killedAt = world.clock.nowMs();
      world.kill(invocation);
      expect(life.state()).toBe("dead");
    },
  });
  world.wake();
  await world.clock.runFor(queueAt);
  world.queue(1, { durationMs: jobMs });
  return { world, effects: struck.effects, killedAt: struck.killedAt };
}

/** Indices of the effects between two instants of a run that nobody disturbs. */
async function effectsOf(mode: Mode, from: number, to: number): Promise<EffectPoint[]> {
  const { world, effects } = await play(mode);
  await world.clock.runFor(from - queueAt);
  const before = effects.length;
  await world.clock.runFor(to - from);
  const within = effects.slice(before);
  world.end();
  return within;
}

async function survives(
  mode: Mode,
  index: number,
  phase: EffectPoint["phase"],
): Promise<PollerWorld> {
  const { world } = await play(mode, { index, phase });
  const { clock, invocations } = world;
  await clock.runUntil(() => invocations[0]?.life.state() === "dead", 61_000, `effect ${index}`);
  const killedAt = clock.nowMs();
  await clock.runUntil(() => world.jobsLeft() === 0, boundMs, `the job after a kill at ${index}`);
  expect(clock.nowMs() - killedAt).toBeLessThanOrEqual(boundMs);
  // A message acted on by the dead is deleted by its successor: nothing comes again for ever.
  await clock.runUntil(() => world.pair()[1] === 0, 110_000, "the settled pair");
  expect(world.cluster("east").hands.runners()).toEqual([]);
  expect(invocations[0]?.life.afterDeath).toEqual([]);
  return world;
}

describe.each(modes)("a poller killed in its turn (%s)", (mode) => {
  it("loses no job and meets no 409, whatever line it was at", async () => {
    const lines = await effectsOf(mode, queueAt, queueAt + 10_000);
    const what = lines.map((line) => line.what).join("\n");
    expect(what).toMatch(/PATCH .*ephemeralrunnersets/);
    expect(what).toMatch(/table put checkpoint/);
    expect(what).toMatch(/fetch DELETE/);
    for (const { index } of lines) {
      for (const phase of ["before", "after"] as const) {
        const world = await survives(mode, index, phase);
        const refused = world.events.filter(({ kind }) => kind === "session-refused");
        expect(refused, `effect ${index} ${phase}`).toEqual([]);
        expect(world.events.filter(({ kind }) => kind === "session-created").length).toBe(1);
        world.end();
      }
    }
  }, 120_000);
});

/** Status of the runner that has the lone job, as the cluster keeps it. */
function markedJob(world: PollerWorld): unknown {
  const runners = world
    .cluster("east")
    .api.objects("actions.github.com/v1alpha1", "EphemeralRunner");
  return runners
    .map((one) => (one["status"] as { jobId?: string } | undefined)?.jobId)
    .find(Boolean);
}

describe.each(modes)("a poller killed while a job starts (%s)", (mode) => {
  it("leaves no runner unmarked, whatever line it was at: an unmarked one could be taken as idle", async () => {
    const long = { durationMs: 60_000 };
    const playStart = async (strike?: { index: number; phase: EffectPoint["phase"] }) => {
      const effects: EffectPoint[] = [];
      const world = await createPollerWorld({
        mode,
        bootMs,
        failureNotices: true,
        onEffect(point, _life, invocation) {
          if (invocation.id !== "invocation-0" || point.index < (strike?.index ?? 0)) return;
          if (point.phase === "before") effects.push(point);
          if (strike && point.index === strike.index && point.phase === strike.phase) {
            world.kill(invocation);
          }
        },
      });
      world.wake();
      await world.clock.runFor(queueAt);
      world.queue(1, long);
      await world.clock.runFor(bootMs - 100);
      const before = effects.length;
      await world.clock.runFor(200);
      return { world, within: effects.slice(before) };
    };
    const { world: dry, within } = await playStart();
    dry.end();
    expect(within.some(({ what }) => /PATCH .*\/status/.test(what))).toBe(true);
    for (const { index } of within) {
      for (const phase of ["before", "after"] as const) {
        const { world } = await playStart({ index, phase });
        const what = `the mark after a kill at ${index} ${phase}`;
        await world.clock.runUntil(() => markedJob(world) !== undefined, 20_000, what);
        world.end();
      }
    }
  }, 60_000);

  it("leaves what a silent cluster is owed to its successor, also when it dies just after acknowledging", async () => {
    let strike = false;
    const world = await createPollerWorld({
      mode,
      bootMs: 8_000,
      failureNotices: true,
      onEffect(point, _life, invocation) {
        if (!strike || point.phase !== "after" || invocation.id !== "invocation-0") return;
        if (/^fetch DELETE .*message/.test(point.what)) world.kill(invocation);
      },
    });
    world.wake();
    await world.clock.runFor(queueAt);
    world.queue(1, { durationMs: 120_000 });
    await world.clock.runFor(6_000);
    const back = world.cluster("east").api.addFault({ effect: { kind: "silence" } });
    strike = true;
    await world.clock.runUntil(
      () => world.invocations[0]?.life.state() === "dead",
      30_000,
      "the kill",
    );
    await world.clock.runFor(20_000);
    expect(markedJob(world)).toBeUndefined();
    back();
    await world.clock.runUntil(() => markedJob(world) !== undefined, 40_000, "the owed mark");
    world.end();
  });
});

describe.each(modes)("a poller killed while it opens its session (%s)", (mode) => {
  it("orphans the session at most until it lapses, and says so; the job still runs", async () => {
    const { world: dry, effects } = await play(mode);
    const upTo = effects.length;
    dry.end();
    let orphaned = 0;
    for (let index = 0; index < upTo; index++) {
      for (const phase of ["before", "after"] as const) {
        const { world } = await play(mode, { index, phase });
        const { clock } = world;
        await clock.runUntil(
          () => world.jobsLeft() === 0,
          90_000 + boundMs + 12_000,
          `job, killed at ${index}`,
        );
        const refused = world.events.filter(({ kind }) => kind === "session-refused");
        const told = world.logged("session_orphaned").length;
        // Whoever is refused by a session of our own says that, and not that somebody else holds it.
        expect(told > 0).toBe(refused.length > 0);
        expect(world.logged("session_held_by_another")).toEqual([]);
        if (told > 0) orphaned++;
        world.end();
      }
    }
    // The one window that cannot be closed: after the create, before its checkpoint is known.
    expect(orphaned).toBeGreaterThan(0);
    expect(orphaned).toBeLessThanOrEqual(2);
  }, 120_000);
});
