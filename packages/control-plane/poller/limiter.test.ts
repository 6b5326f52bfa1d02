import { describe, expect, it } from "vitest";
import { createGate } from "./gate.ts";
import { createLimiter } from "./limiter.ts";
import { createNudge } from "./nudge.ts";

const tick = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

describe("the limiter", () => {
  it("never has more calls in flight than it may, nor more than half for one key", async () => {
    const limiter = createLimiter(4);
    const ends: (() => void)[] = [];
    let most = 0;
    const { signal } = new AbortController();
    const call = () =>
      limiter.run("hot", signal, () => new Promise<void>((resolve) => ends.push(resolve)));
    const all = Array.from({ length: 9 }, call);
    for (let done = 0; done < 9; done++) {
      await tick();
      most = Math.max(most, ends.length - done);
      ends[done]?.();
    }
    await Promise.all(all);
    expect(most).toBe(2);
  });

  it("serves a key with one call before the hundredth call of another", async () => {
    const limiter = createLimiter(1);
    const order: string[] = [];
    const { signal } = new AbortController();
    const all = Array.from({ length: 100 }, (_, index) =>
      limiter.run("hot", signal, async () => void order.push(`hot ${index}`)),
    );
    all.push(limiter.run("cold", signal, async () => void order.push("cold")));
    await Promise.all(all);
    expect(order.indexOf("cold")).toBeLessThanOrEqual(3);
  });

  it("forgets whoever is aborted while it waits, and goes on with the rest", async () => {
    const limiter = createLimiter(1);
    const abort = new AbortController();
    const { signal } = new AbortController();
    const first = Promise.withResolvers<void>();
    const running = limiter.run("a", signal, () => first.promise);
    const waiting = limiter.run("b", abort.signal, async () => "never");
    const last = limiter.run("c", signal, async () => "done");
    abort.abort(new Error("given up"));
    await expect(waiting).rejects.toThrow("given up");
    first.resolve();
    await running;
    expect(await last).toBe("done");
  });

  it("frees its place when a call fails", async () => {
    const limiter = createLimiter(1);
    const { signal } = new AbortController();
    await expect(limiter.run("a", signal, () => Promise.reject(new Error("no")))).rejects.toThrow(
      "no",
    );
    expect(await limiter.run("a", signal, async () => 1)).toBe(1);
  });
});

describe("the gate", () => {
  it("lets those inside end and nobody else in", async () => {
    const gate = createGate();
    const inside = Promise.withResolvers<void>();
    const turn = gate.pass(() => inside.promise);
    let closed = false;
    const closing = gate.close().then(() => (closed = true));
    expect(await gate.pass(async () => "in")).toBeUndefined();
    await tick();
    expect(closed).toBe(false);
    inside.resolve();
    await Promise.all([turn, closing]);
    expect(gate.isOpen()).toBe(false);
    const opened = gate.opened();
    gate.open();
    await opened;
    expect(await gate.pass(async () => "in")).toBe("in");
  });
});

describe("a nudge", () => {
  const isHeard = async (wait: Promise<void>) => {
    let heard = false;
    void wait.then(() => (heard = true));
    await tick();
    return heard;
  };

  it("said before the wait, or twice, is heard once", async () => {
    const nudge = createNudge();
    nudge.nudge();
    nudge.nudge();
    await nudge.wait();
    nudge.heard();
    const waiting = nudge.wait();
    expect(await isHeard(waiting)).toBe(false);
    nudge.nudge();
    expect(await isHeard(waiting)).toBe(true);
  });

  it("that comes after a wait was given up is there for the next one", async () => {
    const nudge = createNudge();
    void nudge.wait();
    nudge.nudge();
    expect(await isHeard(nudge.wait())).toBe(true);
  });
});
