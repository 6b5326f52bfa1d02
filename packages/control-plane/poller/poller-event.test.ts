import { expect, it } from "vitest";
import { parsePollerEvent } from "./poller-event.ts";

const event = { shard: "shard-1", reason: "webhook" };

it("a poller is started by an event of ours", () => {
  expect(parsePollerEvent(event)).toEqual(event);
  expect(parsePollerEvent({ ...event, failures: 2 })).toEqual({ ...event, failures: 2 });
});

it.each([
  undefined,
  {},
  "x",
  { shard: "a" },
  { shard: "a", reason: "whim" },
  { ...event, failures: -1 },
  { requestPayload: event },
])("a poller is not started by %j", (input) => {
  expect(() => parsePollerEvent(input)).toThrow();
});
