// An error that nobody foresaw, at whatever step of a turn, must not count as success: a catch-all that did so has cost
// others one job in eleven (terraform-aws-github-runner #5024).
import { describe, expect, it } from "vitest";
import type { Mode } from "@runlet/simulators/actions-service/knobs";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

const queueAt = 4_000;
const bootMs = 500;
const jobMs = 1_000;
/** A loop that failed waits a second or two, a refused call's next try the same; then the job runs. */
const boundMs = 10_000 + bootMs + jobMs;

interface Played {
  world: PollerWorld;
  /** What each effect was, in order. */
  effects: string[];
  /** Messages that were deleted before they stood in a checkpoint, or a job's before the cluster had been told. */
  early: string[];
}

/** Plays a lone job; the effect of that index throws instead of happening. */
async function play(mode: Mode, index?: number): Promise<Played> {
  const effects: string[] = [];
  const early: string[] = [];
  let failed = "";
  let kept: unknown;
  const world = await createPollerWorld({
    mode,
    bootMs,
    onEffect({ what, phase, ...point }, _life, invocation) {
      if (invocation.id !== "invocation-0") return;
      if (phase === "after") {
        if (what.startsWith("table put checkpoint/")) kept = lastDelivered(world);
        return;
      }
      effects.push(what);
      if (point.index === index) {
        failed = what;
        throw new Error(`${what} is not possible today`);
      }
      if (!isAcknowledgement(what)) return;
      // What a cluster refuses is owed to it by the checkpoint.
      const isOwed = isPatch(failed);
      const isTold = !hasAssigned(world) || world.pair()[0] >= 1 || isOwed;
      if (kept !== lastDelivered(world) || !isTold) early.push(what);
    },
  });
  world.wake();
  await world.clock.runFor(queueAt);
  world.queue(1, { durationMs: jobMs });
  return { world, effects, early };
}

const isAcknowledgement = (what: string) => /^fetch DELETE .*\/messages?\/\d+/.test(what);
const isPatch = (what: string) => /^fetch PATCH .*ephemeralrunnersets/.test(what);
const lastDelivered = ({ events }: PollerWorld) =>
  events.findLast(({ kind }) => kind === "message-delivered");

/** The message that was delivered last tells of an assigned job. */
function hasAssigned(world: PollerWorld): boolean {
  const last = lastDelivered(world);
  return (
    last?.kind === "message-delivered" && last.entries.some(({ type }) => type === "JobAssigned")
  );
}

describe.each(["acquire", "auto-assign"] as const)("an error in a poller's turn (%s)", (mode) => {
  it("at whatever step: nothing is acknowledged before it is done, and the job runs in time", async () => {
    const calm = await play(mode);
    const before = calm.effects.length;
    await calm.world.clock.runFor(6_000);
    const steps = calm.effects.slice(before);
    calm.world.end();
    expect(steps.filter(isAcknowledgement).length).toBeGreaterThan(0);
    expect(steps.filter(isPatch).length).toBeGreaterThan(0);
    expect(calm.early).toEqual([]);
    for (const [at, what] of steps.entries()) {
      const { world, early } = await play(mode, before + at);
      const done = () => world.jobsLeft() === 0;
      await world.clock.runUntil(done, boundMs, `the job, an error at ${what}`);
      await world.clock.runUntil(() => world.pair()[1] === 0, 110_000, "the settled pair");
      expect(early, what).toEqual([]);
      world.end();
    }
  }, 60_000);
});
