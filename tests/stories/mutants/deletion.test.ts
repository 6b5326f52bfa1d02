// A message whose DELETE failed stays at the service, and comes again to the next session with numbers that are old by
// then. So its deletion is tried again in the same session, whether another message comes or not.
import { afterEach, describe, expect, it } from "vitest";
import { createPollerWorld, type PollerWorld } from "../poller/poller-world.ts";
import { modes } from "../world/running-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

const ids = (kind: "message-delivered" | "message-deleted") =>
  world.events.flatMap((one) => (one.kind === kind ? [one.messageId] : []));
const undeleted = () =>
  ids("message-delivered").filter((id) => !ids("message-deleted").includes(id));

/** A job's last message is acted on, and its DELETE refused until the faults are over. */
async function refuseDeletion(mode: (typeof modes)[number]): Promise<void> {
  world = await createPollerWorld({ mode, bootMs: 200_000 });
  world.wake();
  await world.clock.runFor(3_000);
  const refuse = () =>
    world.service.control.addFault({ route: "acknowledge", status: 503, times: 100 });
  if (mode === "auto-assign") refuse();
  // Here a message comes before it, which says that the job is available.
  const end = world.service.listen(({ kind }) => {
    if (mode === "acquire" && kind === "message-deleted") refuse();
  });
  world.queue(1);
  await world.clock.runFor(20_000);
  expect(undeleted().length).toBe(1);
  end();
  world.service.control.clearFaults();
}

describe.each(modes)("a message whose deletion failed (%s)", (mode) => {
  it("is deleted when the next poll ends without one", async () => {
    await refuseDeletion(mode);
    await world.clock.runUntil(() => undeleted().length === 0, 50_000, "the deletion");
  });

  it("is deleted when the next message comes, together with that", async () => {
    await refuseDeletion(mode);
    const before = ids("message-delivered").length;
    world.queue(1);
    const deleted = () => ids("message-delivered").length > before && undeleted().length === 0;
    await world.clock.runUntil(deleted, 100, "both deletions");
    await world.clock.runUntil(() => world.pair()[0] === 2, 100, "the patch");
  });
});
