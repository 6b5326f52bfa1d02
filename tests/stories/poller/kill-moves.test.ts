// A shard changes hands by a hand-over, a rest or a take-over, and a turn writes to two clusters: each of these moves
// is cut at each of its lines, and a job comes at that very moment (invariants I1, I3, I4, I16).
import { describe, expect, it } from "vitest";
import type { EffectPoint } from "@runlet/runlet/world/lifeline";
import type { Mode } from "@runlet/simulators/actions-service/knobs";
import { createPollerWorld, type PollerWorld, type WorldOptions } from "./poller-world.ts";

const bootMs = 500;
const jobMs = 1_000;
/** From the kill: a lease's length and two seconds, a runner's start and the job itself. */
const boundMs = 15_000 + 2_000 + bootMs + jobMs;

interface Move {
  name: string;
  options?: Partial<WorldOptions>;
  /** Which invocation is killed. */
  victim: string;
  /** Virtual ms: the victim's lines between the two are struck. */
  from: number;
  to: number;
  /** What must be among those lines, or the story tells nothing. */
  lines: RegExp[];
  /** More than the lone wake at 0. */
  play?: (world: PollerWorld) => Promise<void>;
  /** Before each of the victim's lines. */
  meanwhile?: (world: PollerWorld, point: EffectPoint) => void;
  /** Sessions that may be created in all: one, and another when the first was closed for a rest. */
  sessionsMax: number;
}

const moves: Move[] = [
  {
    name: "the holder that hands over",
    options: { settings: { invocationMs: 40_000 } },
    victim: "invocation-0",
    from: 25_000,
    to: 41_000,
    lines: [/^invoke/, /^table get successor/, /^table put lease/, /^table get lease/],
    sessionsMax: 1,
  },
  {
    name: "the successor",
    options: { settings: { invocationMs: 40_000 } },
    victim: "invocation-1",
    from: 25_000,
    to: 28_000,
    lines: [/^table put successor/, /^table put deployment.fence/, /^table put lease/, /\/message/],
    sessionsMax: 1,
  },
  {
    name: "the holder that goes to rest",
    options: {
      settings: { restAfterMs: 20_000, lookEveryMs: 600_000, lookPollMs: 5_000 },
      knobs: { holdMs: 4_000 },
    },
    victim: "invocation-0",
    from: 20_000,
    to: 40_000,
    lines: [/^fetch PATCH .*\/sessions\//, /^fetch DELETE .*\/sessions\//, /^invoke/],
    // A webhook of that moment finds a holder and leaves it at a flag.
    meanwhile(world, { what }) {
      if (!/^fetch DELETE .*\/sessions\//.test(what)) return;
      const row = { key: "flag/shard-0", version: "a-webhook", value: { set: true } };
      void world.table.put(row, { absent: true });
    },
    sessionsMax: 2,
  },
  {
    name: "whoever takes over from the dead, on two clusters",
    options: { clusters: ["east", "west"] },
    victim: "invocation-1",
    from: 24_000,
    to: 29_000,
    lines: [/^table put lease/, /PATCH .*\/linux-east$/, /PATCH .*\/linux-west$/, /\/sessions\//],
    async play(world) {
      await world.clock.runFor(10_000);
      const [first] = world.invocations;
      if (first) world.kill(first);
    },
    sessionsMax: 1,
  },
  {
    name: "a turn on two clusters",
    options: { clusters: ["east", "west"] },
    victim: "invocation-0",
    from: 4_000,
    to: 4_600,
    lines: [
      /PATCH .*\/linux-east$/,
      /PATCH .*\/linux-west$/,
      /^table put checkpoint/,
      /^fetch DELETE/,
    ],
    async play(world) {
      await world.clock.runFor(4_000);
      world.queue(2, { durationMs: jobMs });
    },
    sessionsMax: 1,
  },
];

interface Strike {
  index: number;
  phase: EffectPoint["phase"];
}

/** Plays the move to its end, or to the strike. */
async function play(mode: Mode, move: Move, strike?: Strike) {
  const lines: EffectPoint[] = [];
  let struckAt: number | undefined;
  const world = await createPollerWorld({
    mode,
    bootMs,
    failureNotices: true,
    ...move.options,
    onEffect(point, life, { id }) {
      if (id !== move.victim || life.state() === "dead") return;
      const now = world.clock.nowMs();
      if (point.phase === "before") move.meanwhile?.(world, point);
      if (point.phase === "before" && now >= move.from && now <= move.to) lines.push(point);
      if (point.index !== strike?.index || point.phase !== strike.phase) return;
      struckAt = now;
      const victim = world.invocations.find((one) => one.id === id);
      if (victim) world.kill(victim);
      world.queue(1, { durationMs: jobMs });
    },
  });
  world.wake();
  await move.play?.(world);
  if (strike) await world.clock.runUntil(() => struckAt !== undefined, move.to, "the strike");
  else await world.clock.runFor(move.to - world.clock.nowMs());
  return { world, lines, struckAt: struckAt ?? 0 };
}

/**
 * All that a dead process leaves is what it wrote, so the lines between two writes are one: before each write, and after
 * the last that is answered at once. A poll is one too, since it says what can be taken. Notes for people are left out.
 */
function strikesAt(lines: readonly EffectPoint[]): (Strike & { what: string })[] {
  const isWrite = ({ what }: EffectPoint) =>
    /^(table (put|remove)|invoke|fetch (P|DELETE|GET .*\/message))/.test(what) &&
    !what.includes(" timeline/");
  const writes = lines.filter(isWrite);
  const last = writes.findLast(({ what }) => !what.startsWith("fetch GET"));
  return last ? [...writes, { ...last, phase: "after" }] : writes;
}

async function survives(mode: Mode, move: Move, strike: Strike & { what: string }) {
  const { world, struckAt } = await play(mode, move, strike);
  const victim = world.invocations.find(({ id }) => id === move.victim);
  // Of the same instant: calls that went out side by side, and answers that were in. They reached nobody.
  const sameBreath = victim?.life.afterDeath.length;
  const at = `killed ${strike.phase} line ${strike.index}, ${strike.what}`;
  await world.clock.runUntil(() => world.jobsLeft() === 0, 200_000, `the job, ${at}`);
  const doneAt = world.events.filter(({ kind }) => kind === "job-completed").at(-1)?.at ?? Infinity;
  expect(doneAt - struckAt, at).toBeLessThanOrEqual(boundMs);
  await world.clock.runFor(1_000);
  for (const { hands } of world.clusters.values()) expect(hands.runners(), at).toEqual([]);
  const countOf = (kind: string) => world.events.filter((event) => event.kind === kind).length;
  expect(countOf("session-refused"), at).toBe(0);
  expect(countOf("session-created"), at).toBeLessThanOrEqual(move.sessionsMax);
  expect(victim?.life.afterDeath.slice(sameBreath), at).toEqual([]);
  world.end();
}

describe.each(["acquire", "auto-assign"] as const)("killed at every line (%s)", (mode) => {
  it.each(moves)(
    "$name: the job of that moment runs in time, without a 409",
    async (move) => {
      const { world, lines } = await play(mode, move);
      world.end();
      const what = lines.map((line) => line.what).join("\n");
      for (const line of move.lines) expect(what).toMatch(new RegExp(line, "m"));
      for (const strike of strikesAt(lines)) await survives(mode, move, strike);
    },
    60_000,
  );
});
