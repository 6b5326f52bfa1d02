import { afterEach, describe, expect, it } from "vitest";
import type { Invocation } from "@runlet/runlet/world/functions-in-process";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

const conflicts = () => world.events.filter(({ kind }) => kind === "session-refused");

describe.each(["acquire", "auto-assign"] as const)("after the holder's death (%s)", (mode) => {
  it("whoever the platform tells takes over within a lease's length and two seconds, without a 409", async () => {
    world = await createPollerWorld({ mode, failureNotices: true });
    const { clock } = world;
    const first = world.wake();
    await clock.runFor(10_000);
    world.kill(first);
    world.queue(1);
    await clock.runUntil(() => world.pair()[0] === 1, 17_000, "the take-over's patch");
    expect(conflicts()).toEqual([]);
    expect(world.logged("session_resumed").length).toBe(1);
    expect(world.events.filter(({ kind }) => kind === "session-created").length).toBe(1);
  });

  it("the neighbour's poller sees it within a heartbeat, a lease's length and two seconds", async () => {
    world = await createPollerWorld({
      mode,
      sets: [
        { name: "linux", shard: "shard-0" },
        { name: "arm", shard: "shard-1" },
      ],
    });
    const { clock } = world;
    const first = world.wake("shard-0");
    world.wake("shard-1");
    await clock.runFor(10_000);
    world.kill(first);
    world.queue(1);
    await clock.runUntil(
      () => world.pair()[0] === 1,
      5_000 + 15_000 + 2_000,
      "the take-over's patch",
    );
    expect(world.logged("neighbour_died").length).toBe(1);
    expect(conflicts()).toEqual([]);
  });

  it("the sweep is the last resort: a minute, a lease's length and two seconds", async () => {
    world = await createPollerWorld({ mode, sweep: true });
    const { clock } = world;
    await clock.runUntil(
      () => world.logged("session_created").length === 1,
      30_000,
      "the first poller",
    );
    const [first] = world.invocations;
    if (!first) throw new Error("the sweep started nobody");
    await clock.runFor(5_000);
    world.kill(first);
    world.queue(1);
    await clock.runUntil(
      () => world.pair()[0] === 1,
      60_000 + 15_000 + 2_000,
      "the take-over's patch",
    );
    expect(conflicts()).toEqual([]);
  });

  it("the next one's numbers go on above the last, also when the last pair had the number 0", async () => {
    world = await createPollerWorld({ mode, failureNotices: true, knobs: { holdMs: 5_000 } });
    const { clock } = world;
    const first = world.wake();
    await clock.runFor(3_000);
    world.queue(1, { durationMs: 1_000 });
    await clock.runUntil(() => world.jobsLeft() === 0, 10_000, "the job");
    const last = world.pair()[1];
    await clock.runUntil(() => world.pair()[1] === 0, 15_000, "the settled pair");
    world.kill(first);
    world.queue(1, { durationMs: 1_000 });
    await clock.runUntil(() => world.pair()[0] === 1, 17_000, "the take-over's patch");
    expect(last).toBeGreaterThan(0);
    expect(world.pair()[1]).toBeGreaterThan(last);
  });

  it("a frozen holder that wakes late is refused by the API server and by the table, and ends", async () => {
    let frozen: Invocation | undefined;
    world = await createPollerWorld({
      mode,
      failureNotices: false,
      onEffect(point, life, invocation) {
        if (frozen || invocation.id !== "invocation-0" || point.phase !== "before") return;
        if (!/PATCH .*ephemeralrunnersets\//.test(point.what)) return;
        if (world.jobsLeft() === 0) return;
        frozen = invocation;
        life.freeze();
      },
    });
    const { clock } = world;
    world.wake();
    await clock.runFor(5_000);
    world.queue(2, { durationMs: 60_000 });
    await clock.runUntil(() => frozen !== undefined, 1_000, "the freeze");
    world.start({ shard: "shard-0", reason: "failure" });
    await clock.runUntil(() => world.pair()[0] === 2, 17_000 + 200, "the take-over's patch");
    await clock.runFor(10_000);
    const pair = world.pair();
    const fence = world.runnerSet().metadata.annotations?.["runlet.dev/fence"];
    const log = world.cluster("east").api.auditLog();
    const refusedBefore = log.filter(({ status }) => status === 422).length;
    frozen?.life.thaw();
    await clock.runFor(2_000);
    expect(
      world
        .cluster("east")
        .api.auditLog()
        .filter(({ status }) => status === 422).length,
    ).toBe(refusedBefore + 1);
    expect(world.pair()).toEqual(pair);
    expect(world.runnerSet().metadata.annotations?.["runlet.dev/fence"]).toBe(fence);
    expect(frozen?.result?.ended).toBe("lost");
    await clock.runUntil(() => world.jobsLeft() === 0, 90_000, "the jobs");
  });

  it("a write that was under way, sent late by a bare client, is refused: the new fence is there first", async () => {
    world = await createPollerWorld({ mode, failureNotices: true });
    const { clock } = world;
    const first = world.wake();
    await clock.runFor(5_000);
    const seen = world.runnerSet().metadata;
    world.kill(first);
    await clock.runUntil(
      () => world.logged("session_resumed").length === 1,
      17_000,
      "the take-over",
    );
    const { api } = world.cluster("east");
    const late = api.fetch(
      `https://east/apis/actions.github.com/v1alpha1/namespaces/runners/ephemeralrunnersets/${seen.name}`,
      {
        method: "PATCH",
        headers: {
          authorization: `Bearer ${api.adminToken}`,
          "content-type": "application/json-patch+json",
        },
        body: JSON.stringify([
          { op: "test", path: "/metadata/uid", value: seen.uid },
          {
            op: "test",
            path: "/metadata/annotations/runlet.dev~1fence",
            value: seen.annotations?.["runlet.dev/fence"],
          },
          { op: "add", path: "/spec/replicas", value: 50 },
        ]),
      },
    );
    expect((await late).status).toBe(422);
    expect(world.pair()[0]).toBe(0);
  });

  it("a scale set that moves to another shard during it is served by one of them, the later", async () => {
    world = await createPollerWorld({
      mode,
      failureNotices: true,
      sets: [
        { name: "linux", shard: "shard-0" },
        { name: "arm", shard: "shard-1" },
      ],
    });
    const { clock, registry } = world;
    const first = world.wake("shard-0");
    world.wake("shard-1");
    await clock.runFor(5_000);
    world.kill(first);
    await clock.runFor(14_000);
    const found = await registry.findScaleSet(world.keys[0] ?? "");
    if (!found) throw new Error("no row");
    await registry.putScaleSet({ ...found.row, shard: "shard-1" }, found.version);
    world.queue(1);
    await clock.runUntil(() => world.pair()[0] === 1, 25_000, "the patch");
    await clock.runUntil(() => world.jobsLeft() === 0, 10_000, "the job");
    await clock.runFor(60_000);
    const serving = await registry.findServes("shard-1");
    expect(serving?.scaleSetKeys).toEqual(world.keys.toSorted());
    expect((await registry.findServes("shard-0"))?.scaleSetKeys).toEqual([]);
  });

  it("a poll that the next holder's poll has ended is no empty one: it settles nothing", async () => {
    world = await createPollerWorld({ mode });
    const { clock, registry } = world;
    world.wake("shard-0");
    await clock.runFor(2_000);
    world.queue(1, { durationMs: 1_000 });
    await clock.runUntil(() => world.jobsLeft() === 0, 10_000, "the job");
    const [replicas, patchId] = world.pair();
    expect([replicas, patchId > 0]).toEqual([0, true]);
    // The rows of a running holder are read each 20 s: until then two of them believe that the set is theirs.
    const found = await registry.findScaleSet(world.keys[0] ?? "");
    if (!found) throw new Error("no row");
    await registry.putScaleSet({ ...found.row, shard: "shard-1" }, found.version);
    const superseded = () =>
      world.events.filter((event) => "outcome" in event && event.outcome === "superseded").length;
    world.wake("shard-1");
    await clock.runUntil(() => superseded() > 0, 5_000, "the poll of the next holder");
    await clock.runFor(1_000);
    expect(world.pair()).toEqual([replicas, patchId]);
    expect(world.logged("scale_set_forgotten").length).toBe(1);
    // The next holder's own poll, which nobody ends, says that all is quiet.
    await clock.runUntil(() => world.pair()[1] === 0, 60_000, "the settled pair");
    expect(world.events.filter(({ kind }) => kind === "session-created").length).toBe(1);
  });
});
