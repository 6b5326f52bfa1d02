// JobStarted is written for people and for scale-down; a cluster that takes its time over it must not keep the
// message, and with it every later one, for longer than two seconds.
import { afterEach, describe, expect, it } from "vitest";
import { createPollerWorld, type PollerWorld } from "../poller/poller-world.ts";
import { modes } from "../world/running-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

describe.each(modes)("a JobStarted that its cluster does not take (%s)", (mode) => {
  it("holds up the acknowledgement by two seconds at most", async () => {
    world = await createPollerWorld({ mode });
    const { clock, events } = world;
    world.wake();
    await clock.runFor(3_000);
    const { api } = world.cluster("east");
    api.addFault({ effect: { kind: "silence" }, verb: "patch", plural: "ephemeralrunners" });
    world.queue(1, { durationMs: 60_000 });
    const delivery = () =>
      events.find(
        (one) =>
          one.kind === "message-delivered" && one.entries.some(({ type }) => type === "JobStarted"),
      );
    await clock.runUntil(() => delivery() !== undefined, 5_000, "the message");
    await clock.runFor(20_000);
    const delivered = delivery();
    const id = delivered?.kind === "message-delivered" ? delivered.messageId : undefined;
    const deleted = events.find((one) => one.kind === "message-deleted" && one.messageId === id);
    expect((deleted?.at ?? Infinity) - (delivered?.at ?? 0)).toBeLessThanOrEqual(2_100);
  });
});
