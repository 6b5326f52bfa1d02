import { describe, expect, it } from "vitest";
import { createSilentLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { KubernetesError } from "@runlet/kubernetes/client";
import { createWorkQueue, type PassResult, type WorkQueueOptions } from "./work-queue.ts";

function setUp(
  pass: (key: string, at: number) => Promise<PassResult>,
  options: Partial<WorkQueueOptions> = {},
) {
  const clock = createVirtualClock();
  const stop = new AbortController();
  const passes: { key: string; at: number }[] = [];
  const queue = createWorkQueue(
    { clock, random: createSeededRandom(1), log: createSilentLog() },
    {
      name: "test",
      concurrency: 2,
      backoff: { baseMs: 1_000, capMs: 8_000 },
      changeDelayMs: 500,
      pass: (key) => {
        passes.push({ key, at: clock.nowMs() });
        return pass(key, clock.nowMs());
      },
      ...options,
    },
  );
  const ended = queue.run(stop.signal);
  return { clock, queue, passes, stop, ended };
}

describe("the work queue", () => {
  it("makes one pass of many wishes that come before it starts", async () => {
    const { clock, queue, passes } = setUp(async () => ({}), { concurrency: 1 });
    queue.add("a");
    for (let i = 0; i < 5; i++) queue.add("b");
    await clock.settle();
    expect(passes.map(({ key }) => key)).toEqual(["a", "b"]);
  });

  it("passes once more for a wish that comes during a pass, and never twice at once", async () => {
    let open = 0;
    let most = 0;
    const { clock, queue, passes } = setUp(async () => {
      most = Math.max(most, ++open);
      await clock.sleep(100);
      open--;
      return {};
    });
    queue.add("a");
    await clock.runFor(50);
    queue.add("a");
    queue.add("a");
    await clock.runFor(1_000);
    expect(passes.map(({ at }) => at)).toEqual([0, 100]);
    expect(most).toBe(1);
  });

  it("runs no more passes at once than allowed, and lets none starve", async () => {
    let open = 0;
    let most = 0;
    const { clock, queue, passes } = setUp(
      async () => {
        most = Math.max(most, ++open);
        await clock.sleep(10);
        open--;
        return {};
      },
      { concurrency: 3 },
    );
    for (let i = 0; i < 30; i++) queue.add(`k${i}`);
    await clock.runFor(100);
    expect(most).toBe(3);
    expect(passes).toHaveLength(30);
    expect(queue.busyCount()).toBe(0);
  });

  it("a lane that hangs holds up itself only, and lanes take turns", async () => {
    const { clock, queue, passes } = setUp(
      async (key) => {
        await clock.sleep(key.startsWith("stuck") ? 60_000 : 10);
        return {};
      },
      { concurrency: 4, lanes: { of: (key) => key.split("-")[0] ?? "", concurrency: 3 } },
    );
    for (let i = 0; i < 20; i++) queue.add(`stuck-${i}`);
    for (let i = 0; i < 5; i++) queue.add(`a-${i}`);
    for (let i = 0; i < 5; i++) queue.add(`b-${i}`);
    await clock.runFor(1_000);
    const lanes = passes.map(({ key }) => key.split("-")[0]);
    expect(lanes.filter((lane) => lane === "stuck")).toHaveLength(3);
    // The first started alone, before the other lane had anything.
    expect(lanes.slice(4)).toEqual(["a", "b", "a", "b", "a", "b", "a", "b", "b"]);
  });

  it("waits longer after each failure, up to the cap, and starts anew after a success", async () => {
    let failing = true;
    const { clock, queue, passes } = setUp(async () => {
      if (failing) throw new Error("no");
      return {};
    });
    queue.add("a");
    await clock.runFor(60_000);
    const waits = passes.slice(1).map(({ at }, index) => at - (passes[index]?.at ?? 0));
    for (const [index, wait] of waits.entries()) {
      const step = Math.min(8_000, 1_000 * 2 ** index);
      expect(wait).toBeGreaterThanOrEqual(step / 2);
      expect(wait).toBeLessThanOrEqual(step);
    }
    failing = false;
    await clock.runFor(10_000);
    failing = true;
    const before = passes.length;
    queue.add("a");
    await clock.runFor(1_000);
    expect(passes.length - before).toBeGreaterThanOrEqual(2);
  });

  it("a change shortens the wait after a failure, ever less, and makes no hot loop", async () => {
    const { clock, queue, passes } = setUp(
      async () => {
        throw new Error("no");
      },
      { backoff: { baseMs: 60_000, capMs: 60_000 } },
    );
    queue.add("a");
    for (let ms = 0; ms < 20_000; ms += 10) {
      queue.add("a");
      await clock.runFor(10);
    }
    // 0, then 0.5, 1, 2, 4, 8 s after the one before.
    expect(passes.map(({ at }) => at)).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500]);
  });

  it("a wish for later breaks no back-off either, whenever it comes", async () => {
    const { clock, queue, passes } = setUp(
      async () => {
        await clock.sleep(10);
        throw new Error("no");
      },
      { backoff: { baseMs: 60_000, capMs: 60_000 } },
    );
    queue.add("a");
    for (let ms = 0; ms < 20_000; ms += 5) {
      queue.addAfter("a", 20);
      await clock.runFor(5);
    }
    expect(passes.length).toBeLessThanOrEqual(6);
  });

  it("a change of what is wanted begins anew", async () => {
    const { clock, queue, passes } = setUp(async () => {
      throw new Error("no");
    });
    queue.add("a");
    for (let ms = 0; ms < 20_000; ms += 100) {
      queue.add("a");
      await clock.runFor(100);
    }
    const before = passes.length;
    queue.add("a", { anew: true });
    await clock.runFor(500);
    expect(passes.length).toBe(before + 1);
  });

  it("one key that fails delays no other", async () => {
    const { clock, queue, passes } = setUp(async (key) => {
      if (key === "bad") throw new Error("no");
      return {};
    });
    queue.add("bad");
    await clock.runFor(5_000);
    queue.add("good");
    await clock.settle();
    expect(passes.at(-1)).toEqual({ key: "good", at: 5_000 });
  });

  it("takes a change during a pass that then fails for a change, not for nothing", async () => {
    const long = { baseMs: 60_000, capMs: 60_000 };
    const { clock, queue, passes } = setUp(
      async () => {
        await clock.sleep(10_000);
        throw new Error("x");
      },
      { backoff: long },
    );
    for (const change of [() => queue.add("a", { anew: true }), () => queue.addAfter("a", 20)]) {
      queue.add("a", { anew: true });
      await clock.runFor(5_000);
      const before = passes.length;
      change();
      await clock.runFor(5_000 + 1_000);
      expect(passes).toHaveLength(before + 1);
      await clock.runFor(120_000);
    }
    // One that changes during each of its failing passes is no hot loop.
    const from = passes.length;
    for (let second = 0; second < 600; second++) {
      queue.add("a");
      await clock.runFor(1_000);
    }
    expect(passes.length - from).toBeLessThan(25);
  });

  it("waits at least as long as the server asks", async () => {
    const { clock, queue, passes } = setUp(async () => {
      throw Object.assign(new Error("429"), { retryAfterMs: 20_000 });
    });
    queue.add("a");
    await clock.runFor(10_000);
    // Nor does a change bring it forward.
    queue.add("a", { anew: true });
    await clock.runFor(9_999);
    expect(passes).toHaveLength(1);
    await clock.runFor(1);
    expect(passes).toHaveLength(2);
  });

  it("comes back when a pass asks for it, at the earlier of two times", async () => {
    const { clock, queue, passes } = setUp(async (_key, at) =>
      at === 0 ? { againMs: 1_000 } : {},
    );
    queue.add("a");
    await clock.settle();
    queue.addAfter("a", 5_000);
    queue.addAfter("a", 300);
    await clock.runFor(10_000);
    expect(passes.map(({ at }) => at)).toEqual([0, 300]);
    expect(clock.timersCount()).toBe(0);
  });

  it("ends when its signal aborts: waits for open passes, starts no other, leaves no timer", async () => {
    const { clock, queue, passes, stop, ended } = setUp(async () => {
      await clock.sleep(100);
      return { againMs: 50 };
    });
    queue.add("a");
    queue.add("b");
    queue.add("c");
    await clock.runFor(10);
    stop.abort(new Error("stop"));
    let isOver = false;
    void ended.then(() => (isOver = true));
    await clock.runFor(50);
    expect(isOver).toBe(false);
    await clock.runFor(1_000);
    expect(isOver).toBe(true);
    expect(passes.map(({ key }) => key)).toEqual(["a", "b"]);
  });

  it("waits 15 s at most while the cluster cannot be reached at all, however long that takes", async () => {
    const away = new KubernetesError("get pod a: refused", { status: 0, reason: "Unreachable" });
    const { clock, queue, passes } = setUp(() => Promise.reject(away), {
      backoff: { baseMs: 1_000, capMs: 60_000 },
    });
    queue.add("a");
    await clock.runFor(300_000);
    const gaps = passes.slice(1).map(({ at }, index) => at - (passes[index]?.at ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(15_000);
    expect(gaps.length).toBeGreaterThan(15);
  });
});
