// Invariant I4: whoever may have lost its lease does nothing. The holder here never learns that anything is wrong: its
// table does not answer, so only its own clock can tell it to stop.
import { afterEach, describe, expect, it } from "vitest";
import type { Table } from "@runlet/coordination/table";
import { createPollerWorld, type PollerWorld } from "../poller/poller-world.ts";
import { modes } from "../world/running-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

/** From now on no call to the table is answered; returns its recovery. */
function silence(table: Table): () => void {
  const { get, put, list, remove } = table;
  const never = () => new Promise<never>(() => {});
  Object.assign(table, { get: never, put: never, list: never, remove: never });
  return () => void Object.assign(table, { get, put, list, remove });
}

describe.each(modes)("a holder whose table does not answer (%s)", (mode) => {
  it("starts no effect after 80 % of its lease, and goes on when a heartbeat succeeds", async () => {
    const patches: number[] = [];
    world = await createPollerWorld({
      mode,
      onEffect({ what, phase }) {
        if (phase === "before" && /PATCH .*ephemeralrunnersets\//.test(what)) {
          patches.push(world.clock.nowMs());
        }
      },
    });
    const { clock } = world;
    world.wake();
    await clock.runFor(8_000);
    const answerAgain = silence(world.table);
    const beats = world.puts.filter(({ key }) => key === "lease/shard-0");
    const usableUntil = (beats.at(-1)?.at ?? 0) + 0.8 * world.settings.leaseMs;
    await clock.runFor(usableUntil + 100 - clock.nowMs());
    patches.length = 0;
    world.queue(1, { durationMs: 1_000 });
    await clock.runFor(20_000);
    expect(patches).toEqual([]);
    expect(world.pair()[0]).toBe(0);
    // Nobody took the lease meanwhile: it is still ours.
    answerAgain();
    await clock.runUntil(() => world.pair()[0] === 1, 5_000, "the patch after the heartbeat");
    expect(world.invocations.length).toBe(1);
  });
});
