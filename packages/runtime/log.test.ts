import { expect, test } from "vitest";
import { createLog, createSilentLog } from "./log.ts";

function create(options: Parameters<typeof createLog>[1] = {}) {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => {
    expect(line).not.toContain("\n");
    lines.push(JSON.parse(line));
  };
  return { lines, log: createLog({ write, wallMs: () => 1_767_225_600_123 }, options) };
}

test("a fact is one JSON line with time, level, event and fields", () => {
  const { log, lines } = create();
  log.info("desired_count_patched", { scaleSet: "gpu", desired: 3, text: "two\nlines" });
  expect(lines).toEqual([
    {
      time: "2026-01-01T00:00:00.123Z",
      level: "info",
      event: "desired_count_patched",
      scaleSet: "gpu",
      desired: 3,
      text: "two\nlines",
    },
  ]);
});

test("what is below the level is not written", () => {
  const { log, lines } = create({ level: "warn" });
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  expect(lines.map((line) => line["event"])).toEqual(["c", "d"]);
});

test("a log with fields carries them on every line, and its own win", () => {
  const { log, lines } = create({ fields: { shard: "0" } });
  const inner = log.with({ scaleSet: "gpu" }).with({ fence: "a:1" });
  inner.info("x", { scaleSet: "cpu" });
  log.info("y");
  expect(lines[0]).toMatchObject({ shard: "0", scaleSet: "cpu", fence: "a:1" });
  expect(lines[1]).not.toHaveProperty("scaleSet");
});

test("a silent log says nothing and can be used like any other", () => {
  expect(() => createSilentLog().with({ a: 1 }).error("x", { b: 2n })).not.toThrow();
});
