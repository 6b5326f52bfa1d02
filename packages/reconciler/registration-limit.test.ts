import { describe, expect, it } from "vitest";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { createRegistrationLimit } from "./registration-limit.ts";

/** All that is registered within each window, by `count` runners that ask as often as they are told. */
function setUp(perWindow: number) {
  const clock = createVirtualClock();
  const limit = createRegistrationLimit(clock, perWindow);
  const registered: { who: string; at: number }[] = [];
  const gone = new Set<string>();
  let asked = 0;
  const ask = (who: string) => {
    if (gone.has(who)) return;
    asked++;
    const againMs = limit.reserve("scope", who);
    if (againMs > 0) clock.after(againMs, () => ask(who));
    else registered.push({ who, at: clock.nowMs() });
  };
  return { clock, limit, registered, gone, ask, askedCount: () => asked };
}

/** As when a busy day has used up the window, evenly. */
async function useUp({ clock, limit }: ReturnType<typeof setUp>, perWindow: number) {
  for (let i = 0; i < perWindow; i++) {
    expect(limit.reserve("scope", `earlier-${i}`)).toBe(0);
    await clock.runFor(300_000 / perWindow);
  }
}

describe("the registration limit", () => {
  it("lets the first of a window through at once, and of another scope as well", () => {
    const { limit } = setUp(2);
    expect([1, 2].map((one) => limit.reserve("scope", `${one}`))).toEqual([0, 0]);
    expect(limit.reserve("scope", "3")).toBe(15_000);
    expect(limit.reserve("other", "4")).toBe(0);
  });

  it("of 300 that wait each asks a few times, and they are served in their order as slots get free", async () => {
    const bed = setUp(1_500);
    await useUp(bed, 1_500);
    const from = bed.clock.nowMs();
    const names = Array.from({ length: 300 }, (_, at) => `runner-${at}`);
    for (const name of names) bed.ask(name);
    await bed.clock.runFor(120_000);
    expect(bed.registered.map(({ who }) => who)).toEqual(names);
    // Five a second, once the window's five seconds of room have passed.
    expect((bed.registered.at(-1)?.at ?? 0) - from).toBeLessThanOrEqual(66_000);
    expect(bed.askedCount()).toBeLessThan(300 * 7);
  });

  it("never takes more than the window holds, however many ask", async () => {
    const bed = setUp(20);
    for (let i = 0; i < 100; i++) bed.ask(`runner-${i}`);
    await bed.clock.runFor(30 * 60_000);
    expect(bed.registered).toHaveLength(100);
    for (const { at } of bed.registered) {
      const within = bed.registered.filter((one) => one.at >= at && one.at < at + 300_000);
      expect(within.length).toBeLessThanOrEqual(20);
    }
  });

  it("holds nobody up for runners that went while they waited", async () => {
    const bed = setUp(1_500);
    await useUp(bed, 1_500);
    for (let i = 0; i < 600; i++) bed.ask(`gone-${i}`);
    for (let i = 0; i < 600; i++) bed.gone.add(`gone-${i}`);
    const from = bed.clock.nowMs();
    for (let i = 0; i < 50; i++) bed.ask(`runner-${i}`);
    await bed.clock.runFor(60_000);
    expect(bed.registered).toHaveLength(50);
    expect((bed.registered.at(-1)?.at ?? 0) - from).toBeLessThanOrEqual(40_000);
  });

  it("holds all back while the service refuses", async () => {
    const bed = setUp(1_500);
    bed.limit.pause("scope", 20_000);
    bed.ask("runner");
    await bed.clock.runFor(19_999);
    expect(bed.registered).toEqual([]);
    await bed.clock.runFor(1);
    expect(bed.registered).toHaveLength(1);
  });
});
