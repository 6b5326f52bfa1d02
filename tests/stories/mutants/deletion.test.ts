// A message whose DELETE failed stays at the service, and comes again to the next session with numbers that are old by
// then. So its deletion is tried again in the same session, whether another message comes or not.
import { afterEach, describe, expect, it } from "vitest";
import { createPollerWorld, type PollerWorld } from "../poller/poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

const ids = (kind: "message-delivered" | "message-deleted") =>
  world.events.flatMap((one) => (one.kind === kind ? [one.messageId] : []));
const undeleted = () =>
  ids("message-delivered").filter((id) => !ids("message-deleted").includes(id));

/** One message is acted on, and its DELETE refused until the faults are over. */
async function refuseDeletion(): Promise<void> {
  world = await createPollerWorld({ mode: "auto-assign", bootMs: 200_000 });
  world.wake();
  await world.clock.runFor(3_000);
  world.service.control.addFault({ route: "acknowledge", status: 503, times: 100 });
  world.queue(1);
  await world.clock.runFor(20_000);
  expect(undeleted().length).toBe(1);
  world.service.control.clearFaults();
}

describe("a message whose deletion failed", () => {
  it("is deleted when the next poll ends without one", async () => {
    await refuseDeletion();
    await world.clock.runUntil(() => undeleted().length === 0, 50_000, "the deletion");
  });

  it("is deleted when the next message comes, together with that", async () => {
    await refuseDeletion();
    world.queue(1);
    await world.clock.runUntil(() => ids("message-deleted").length === 2, 100, "both deletions");
    expect(undeleted()).toEqual([]);
    expect(world.pair()[0]).toBe(2);
  });
});
