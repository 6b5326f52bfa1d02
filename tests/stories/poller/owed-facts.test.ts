// JobStarted facts that a cluster will not take: asked for again later each time (I21, I26), and not at all when the
// fact itself is refused; pairs go on meanwhile.
import { afterEach, describe, expect, it } from "vitest";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

/** Lets a job run whose JobStarted is refused with `status`; tells how often the runner's status was patched. */
async function refuse(status: number): Promise<{ patches: () => number; lift: () => void }> {
  world = await createPollerWorld({ mode: "auto-assign" });
  world.wake();
  await world.clock.runFor(5_000);
  const { api } = world.cluster("east");
  let patched = 0;
  const send = api.fetch;
  api.fetch = (url, init) => {
    const isFact = String(init?.body).includes("jobRequestId");
    if (init?.method === "PATCH" && url.includes("/ephemeralrunners/") && isFact) patched++;
    return send(url, init);
  };
  const lift = api.addFault({
    effect: { kind: "status", status },
    verb: "patch",
    plural: "ephemeralrunners",
  });
  world.queue(1, { durationMs: 300_000 });
  await world.clock.runUntil(() => patched > 0, 10_000, "the first attempt");
  return { patches: () => patched, lift };
}

function jobId(): unknown {
  const [runner] = world
    .cluster("east")
    .api.objects("actions.github.com/v1alpha1", "EphemeralRunner");
  return (runner?.["status"] as { jobId?: string } | undefined)?.jobId;
}

describe("a JobStarted fact", () => {
  it("refused for want of a right is tried a few times a minute, and written once it may be", async () => {
    const { patches, lift } = await refuse(403);
    await world.clock.runFor(60_000);
    expect(patches()).toBeLessThan(12);
    // Another job's pair does not wait for it.
    world.queue(1, { durationMs: 1_000 });
    await world.clock.runUntil(() => world.pair()[0] === 2, 1_000, "the second job's runner");
    lift();
    await world.clock.runUntil(() => jobId() !== undefined, 31_000, "the owed fact");
  });

  it("that is refused itself is given up", async () => {
    const { patches } = await refuse(422);
    await world.clock.runFor(60_000);
    expect(patches()).toBe(1);
    expect(world.logged("job_started_refused")).toHaveLength(1);
    expect(world.logged("jobs_started_owed")).toEqual([]);
  });
});
