import { createLog } from "@runlet/runtime/log";
import { createMetrics } from "@runlet/runtime/metrics";
import { createSystemClock } from "@runlet/runtime/clock";
import { expect, test } from "vitest";
import { countInLog } from "../local/count.ts";
import { createRecorder } from "./recorder.ts";

test("what functions count is read from their log, be it written for one machine or for CloudWatch", () => {
  const recorder = createRecorder(new Map());
  const write = (line: string) => recorder.line(line);
  const log = createLog({ write, wallMs: () => 0 }, { level: "debug" });
  const clock = createSystemClock();
  const metrics = createMetrics({ write, clock }, { stage: "demo", flushEveryMs: 0 });
  countInLog(log).count("take-overs", 2);
  metrics.count("take-overs");
  metrics.count("failed-polls", 1, { reason: "http 500" });
  metrics.count("failed-polls", 3, { reason: "timeout" });
  metrics.observe("message-to-patch", 12);
  log.info("shard_rests", { shard: "shard-1" });
  write("no JSON");
  write("null");
  expect([recorder.count("take-overs"), recorder.count("failed-polls")]).toEqual([3, 4]);
  expect(recorder.lines().map(({ event }) => event)).toContain("shard_rests");
});
