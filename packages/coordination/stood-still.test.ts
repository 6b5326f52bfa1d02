import { describe, expect, it } from "vitest";
import { createSilentLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { cloudSettings } from "@runlet/runtime/settings";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import type { PollerEvent } from "./invoker.ts";
import { createLeases } from "./lease.ts";
import { createMemoryTable } from "./memory-table.ts";
import { createWakes } from "./wake.ts";

function setUp() {
  const clock = createVirtualClock();
  const random = createSeededRandom(5);
  const table = createMemoryTable();
  const log = createSilentLog();
  const leases = createLeases({
    clock,
    random,
    table,
    log,
    installation: "here",
    settings: cloudSettings,
  });
  const invoked: PollerEvent[] = [];
  const invoker = { invoke: async (event: PollerEvent) => void invoked.push(event) };
  const wakes = createWakes({ clock, random, table, invoker, leases });
  const life = new AbortController();
  const take = (holder: string, signal = life.signal) =>
    leases.take("shard-0", { holder, waitMs: 16_000, register: false, signal });
  /** Takes the lease and dies. */
  const dieHolding = async () => {
    const death = new AbortController();
    const taken = take("the dead", death.signal);
    await clock.runFor(100);
    await taken;
    death.abort(new Error("killed"));
  };
  const watch = () => leases.watch("shard-0", life.signal);
  return { clock, leases, wakes, invoked, take, dieHolding, watch };
}

describe("a lease that somebody has watched run out", () => {
  it("is taken at once by the next, with a larger fence, and not watched again", async () => {
    const { clock, take, dieHolding, watch } = setUp();
    await dieHolding();
    const watched = watch();
    await clock.runFor(16_000);
    expect(await watched).toBe("still");
    const before = clock.nowMs();
    const taken = await take("the next");
    expect(clock.nowMs()).toBe(before);
    expect(taken).toMatchObject({
      kind: "taken",
      from: "expired",
      previous: { holder: "the dead" },
    });
  });

  it("is not taken when it has moved since: the word was about another version", async () => {
    const { clock, take, dieHolding, watch } = setUp();
    await dieHolding();
    const watched = watch();
    await clock.runFor(16_000);
    await watched;
    await take("the next");
    await clock.runFor(1_000);
    const third = take("a third");
    await clock.runFor(17_000);
    expect(await third).toMatchObject({ kind: "held", by: { holder: "the next" } });
  });

  it("does not hold up a wake: the flag would be seen by nobody", async () => {
    const { clock, wakes, invoked, dieHolding, watch } = setUp();
    await dieHolding();
    expect(await wakes.wake("shard-0", "webhook")).toBe("flagged");
    const watched = watch();
    await clock.runFor(16_000);
    await watched;
    expect(await wakes.wake("shard-0", "failure")).toBe("invoked");
    expect(invoked).toEqual([{ shard: "shard-0", reason: "failure" }]);
  });
});
