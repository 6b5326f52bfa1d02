import { describe, expect, it } from "vitest";
import { createSilentLog } from "@runlet/runtime/log";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import type { Table } from "@runlet/coordination/table";
import type { Fetch } from "@runlet/runtime/fetch";
import { createLifeline, type EffectPoint, type Lifeline } from "./lifeline.ts";

const emptyTable: Table = {
  get: async () => undefined,
  put: async () => "put",
  list: async () => [],
  remove: async () => "absent",
};

function setUp(
  onEffect?: (point: EffectPoint, life: Pick<Lifeline, "kill">) => void,
  fetch: Fetch = async () => new Response("one"),
) {
  const clock = createVirtualClock();
  const log = createSilentLog();
  const life = createLifeline({ clock, table: emptyTable, fetch, log }, onEffect);
  return { clock, life, ports: life.ports };
}

describe("a killed invocation", () => {
  it("runs no further line: not the next one, not catch, not finally, not a timer", async () => {
    const { clock, life, ports } = setUp((point, struck) => {
      if (point.index === 1 && point.phase === "after") struck.kill();
    });
    const lines: string[] = [];
    const work = async () => {
      try {
        ports.clock.after(50, () => lines.push("timer"));
        await ports.table.get("a");
        lines.push("first");
        await ports.table.get("b");
        lines.push("second");
      } catch {
        lines.push("catch");
      } finally {
        lines.push("finally");
      }
    };
    void work();
    await clock.runFor(1_000);
    expect(lines).toEqual(["first"]);
    expect(life.state()).toBe("dead");
  });

  it("struck before an effect never lets it happen; struck after, it has happened", async () => {
    for (const phase of ["before", "after"] as const) {
      let calls = 0;
      const { clock, ports } = setUp(
        (point, struck) => point.phase === phase && struck.kill(),
        async () => (calls++, new Response("x")),
      );
      void ports.fetch("http://service/x");
      await clock.runFor(10);
      expect(calls).toBe(phase === "before" ? 0 : 1);
    }
  });

  it("resets its open connections, so that the server sees it go", async () => {
    let reset = false;
    const { clock, life, ports } = setUp(undefined, (_url, init) => {
      init?.signal?.addEventListener("abort", () => (reset = true));
      return new Promise(() => {});
    });
    void ports.fetch("http://service/poll");
    life.kill();
    await clock.runFor(10);
    expect(reset).toBe(true);
  });

  it("is caught when something outside runs one of its lines after the kill", async () => {
    const { clock, life, ports } = setUp();
    life.kill();
    void ports.table.get("late");
    ports.log.info("late");
    await clock.runFor(10);
    expect(life.afterDeath).toEqual(["table get late", "log late"]);
  });
});

describe("a frozen invocation", () => {
  it("hears everything at once when it is woken, in order", async () => {
    const { clock, life, ports } = setUp();
    const lines: string[] = [];
    ports.clock.after(10, () => lines.push("timer"));
    void ports.table.get("a").then(() => lines.push("answer"));
    life.freeze();
    await clock.runFor(10_000);
    expect(lines).toEqual([]);
    life.thaw();
    await clock.runFor(0);
    expect(lines.toSorted()).toEqual(["answer", "timer"]);
  });

  it("gets no byte of an open stream until it is woken", async () => {
    const { clock, life, ports } = setUp();
    let text = "";
    const answer = await ports.fetch("http://service/stream");
    life.freeze();
    void answer.text().then((all) => (text = all));
    await clock.runFor(1_000);
    expect(text).toBe("");
    life.thaw();
    await clock.runFor(0);
    expect(text).toBe("one");
  });
});
