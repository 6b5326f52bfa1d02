import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { describe, expect, it } from "vitest";
import { createCachedSecrets } from "./secrets.ts";

function createWorld() {
  const clock = createVirtualClock();
  const texts = new Map([["a", "one"]]);
  const state = { asked: 0, away: false };
  const secrets = createCachedSecrets({
    clock,
    secrets: {
      async find(name) {
        state.asked++;
        if (state.away) throw new Error("the store is away");
        return texts.get(name);
      },
    },
  });
  return { clock, texts, state, secrets };
}

describe("a secret", () => {
  it("is asked for once, however many want it, and again after five minutes: rotated without a start", async () => {
    const { clock, texts, state, secrets } = createWorld();
    expect(await Promise.all([1, 2, 3].map(() => secrets.find("a")))).toEqual([
      "one",
      "one",
      "one",
    ]);
    texts.set("a", "two");
    await clock.runFor(299_000);
    expect(await secrets.find("a")).toBe("one");
    expect(state.asked).toBe(1);
    await clock.runFor(1_000);
    expect(await secrets.find("a")).toBe("two");
    expect(state.asked).toBe(2);
  });
  it("that was refused is asked for anew, however old it is, but not in a storm", async () => {
    const { clock, texts, state, secrets } = createWorld();
    await secrets.find("a");
    texts.set("a", "two");
    await clock.runFor(10_000);
    for (let n = 0; n < 100; n++) expect(await secrets.find("a", { fresh: true })).toBe("two");
    expect(await secrets.find("a")).toBe("two");
    expect(state.asked).toBe(2);
  });
  it("that is not there is looked for again after half a minute, not at each call", async () => {
    const { clock, texts, state, secrets } = createWorld();
    expect(await secrets.find("b")).toBeUndefined();
    texts.set("b", "new");
    expect(await secrets.find("b")).toBeUndefined();
    expect(state.asked).toBe(1);
    await clock.runFor(30_000);
    expect(await secrets.find("b")).toBe("new");
  });
  it("stays good while the store is away, and the store is left alone in between", async () => {
    const { clock, state, secrets } = createWorld();
    await secrets.find("a");
    state.away = true;
    await clock.runFor(3_600_000);
    expect(await secrets.find("a")).toBe("one");
    expect(await secrets.find("a")).toBe("one");
    expect(state.asked).toBe(2);
    await expect(secrets.find("b")).rejects.toThrow("the store is away");
  });
});
