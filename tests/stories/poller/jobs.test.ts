import { afterEach, describe, expect, it } from "vitest";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

const writesTo = (on = "east") =>
  world
    .cluster(on)
    .api.auditLog()
    .filter(({ verb, userAgent }) => verb === "patch" && userAgent.startsWith("runlet-control"));

it("jobs that wait already are acquired once, although the list has named them and their messages come still", async () => {
  world = await createPollerWorld({ mode: "acquire" });
  for (let n = 0; n < 3; n++) world.queue(1);
  world.wake();
  await world.clock.runUntil(() => world.jobsLeft() === 0, 20_000, "the jobs' end");
  expect(world.logged("jobs_acquired").map(({ asked, taken }) => [asked, taken])).toEqual([[3, 3]]);
});

describe.each(["acquire", "auto-assign"] as const)("jobs (%s)", (mode) => {
  it("a lone job is patched within a tenth of a second and runs", async () => {
    world = await createPollerWorld({ mode });
    world.wake();
    await world.clock.runFor(5_000);
    const [job] = world.queue();
    await world.clock.runUntil(() => world.pair()[0] === 1, 100, "the patch");
    await world.clock.runUntil(() => world.jobsLeft() === 0, 10_000, "the job's end");
    expect(world.service.control.findJob(job?.key ?? "")?.result).toBe("succeeded");
  });

  it("scale down to zero after the last one, by one pair with the number 0", async () => {
    world = await createPollerWorld({ mode });
    world.wake();
    await world.clock.runFor(3_000);
    world.queue(3);
    await world.clock.runUntil(() => world.jobsLeft() === 0, 20_000, "the jobs' end");
    await world.clock.runUntil(() => world.pair()[1] === 0, 105_000, "the number 0");
    expect(world.pair()).toEqual([0, 0]);
    expect(world.cluster("east").hands.runners()).toEqual([]);
  });

  it("leave the spare runners of minRunners idle, on top of the busy ones", async () => {
    world = await createPollerWorld({
      mode,
      sets: [{ name: "linux", minRunners: 2, maxRunners: 4 }],
    });
    world.wake();
    await world.clock.runUntil(() => world.pair()[0] === 2, 5_000, "the minimum");
    world.queue(1, { durationMs: 30_000 });
    await world.clock.runUntil(() => world.pair()[0] === 3, 5_000, "one more");
    world.queue(5, { durationMs: 30_000 });
    await world.clock.runUntil(() => world.pair()[0] === 4, 5_000, "the maximum");
    await world.clock.runUntil(() => world.jobsLeft() === 0, 200_000, "the jobs' end");
    await world.clock.runUntil(() => world.pair()[1] === 0, 105_000, "the number 0");
    expect(world.pair()).toEqual([2, 0]);
  });

  it("mark their runners busy in the cluster, with ids above 2^53 digit by digit", async () => {
    world = await createPollerWorld({ mode });
    world.wake();
    await world.clock.runFor(3_000);
    world.queue(1, { durationMs: 20_000 });
    const bodies = () =>
      world.cluster("east").api.objects("actions.github.com/v1alpha1", "EphemeralRunner");
    const status = () => bodies()[0]?.["status"] as Record<string, unknown> | undefined;
    await world.clock.runUntil(() => status()?.["jobId"] !== undefined, 10_000, "JobStarted");
    expect(status()).toMatchObject({ jobRepositoryName: "acme/repo", jobDisplayName: "build (1)" });
    if (mode === "acquire") expect(String(status()?.["jobRequestId"])).toBe("9007199254740993");
  });

  it("are all started when fifty start in one message, by one patch and fifty status writes", async () => {
    world = await createPollerWorld({ mode, bootMs: 1_000 });
    world.wake();
    await world.clock.runFor(3_000);
    world.queue(50, { durationMs: 60_000 });
    const started = () => world.logged("message_handled").length;
    await world.clock.runUntil(() => world.service.control.ledger().counts.running === 50, 60_000);
    await world.clock.runFor(1_000);
    const marked = world
      .cluster("east")
      .api.objects("actions.github.com/v1alpha1", "EphemeralRunner")
      .filter((one) => (one["status"] as { jobId?: string } | undefined)?.jobId);
    expect(marked.length).toBe(50);
    expect(writesTo().length).toBeLessThanOrEqual(50 + started() + 1);
  });

  it("whose message an earlier listener deleted still get a runner, by the session's statistics", async () => {
    world = await createPollerWorld({
      mode,
      knobs: { sessionLapseMs: 20_000, startTimeoutMs: 600_000 },
    });
    const { admin, clock } = world;
    const id = Number(world.keys[0]?.split(":")[1]);
    const opened = await admin.createSession(id, "an earlier listener");
    if (!opened.ok) throw new Error(opened.failure.message);
    world.queue(1, { durationMs: 1_000 });
    const queue = opened.value;
    for (let cursor = 0; ;) {
      const polled = admin.poll(
        queue,
        { lastMessageId: cursor, maxCapacity: 5 },
        { limitMs: 2_000 },
      );
      await clock.runFor(2_100);
      const answer = await polled;
      if (!answer.ok || !answer.value) break;
      cursor = answer.value.messageId;
      const ids = answer.value.news.filter(({ type }) => type === "JobAvailable");
      const steps = Promise.all([
        admin.acquireJobs(
          id,
          queue.queueToken,
          ids.map(({ requestId }) => requestId),
        ),
        admin.acknowledge(queue, cursor),
      ]);
      await clock.runFor(100);
      await steps;
    }
    const closed = admin.deleteSession(id, queue.sessionId);
    await clock.runFor(100);
    await closed;
    expect(world.service.control.ledger().counts.assigned).toBe(1);
    world.wake();
    await clock.runUntil(() => world.pair()[0] === 1, 2_000, "the patch by the tally");
    await clock.runUntil(() => world.jobsLeft() === 0, 10_000, "the job's end");
  });

  it("cancelled before they start take their runner's place back", async () => {
    world = await createPollerWorld({ mode, bootMs: 30_000 });
    world.wake();
    await world.clock.runFor(3_000);
    const [job] = world.queue(1);
    await world.clock.runUntil(() => world.pair()[0] === 1, 1_000, "the patch");
    world.service.control.cancelJob(job?.key ?? "");
    await world.clock.runUntil(() => world.pair()[0] === 0, 2_000, "the fall");
    await world.clock.runUntil(() => world.cluster("east").hands.runners().length === 0, 110_000);
  });

  it("get another runner when theirs dies before it takes one", async () => {
    world = await createPollerWorld({ mode, bootMs: 10_000, knobs: { holdMs: 10_000 } });
    world.wake();
    await world.clock.runFor(3_000);
    world.queue(1);
    await world.clock.runUntil(() => world.cluster("east").hands.runners().length === 1, 2_000);
    world.cluster("east").hands.kill(world.cluster("east").hands.runners()[0]?.name ?? "");
    await world.clock.runUntil(() => world.jobsLeft() === 0, 35_000, "the job's end");
  });

  it("follow a changed spec within two seconds", async () => {
    world = await createPollerWorld({ mode, sets: [{ name: "linux", maxRunners: 1 }] });
    world.wake();
    await world.clock.runFor(3_000);
    world.queue(4, { durationMs: 20_000 });
    await world.clock.runUntil(() => world.pair()[0] === 1, 1_000, "the old maximum");
    const { client } = world.cluster("east");
    const set = (spec: object) =>
      client.patch(
        {
          group: "actions.github.com",
          version: "v1alpha1",
          plural: "autoscalingrunnersets",
          kind: "",
          namespaced: true,
        },
        { namespace: "runners", name: "linux" },
        { type: "merge", body: { spec } },
      );
    await set({ maxRunners: 3 });
    await world.clock.runUntil(() => world.pair()[0] === 3, 2_000, "the new maximum");
    await set({ maxRunners: 2 });
    await world.clock.runUntil(() => world.pair()[0] === 2, 2_000, "the lowered maximum");
    await set({ minRunners: 2 });
    await world.clock.runUntil(() => world.jobsLeft() === 0, 200_000, "the jobs' end");
    expect(world.pair()[0]).toBe(2);
    await set({ minRunners: 0 });
    await world.clock.runUntil(() => world.pair()[0] === 0, 2_000, "the lowered minimum");
  });
});

describe("rows with nonsense in them", () => {
  it("of one scale set and of who serves what: the other sets are discovered and served, each row told once", async () => {
    world = await createPollerWorld({
      mode: "auto-assign",
      sets: [{ name: "linux" }, { name: "arm" }],
      sweep: true,
    });
    const found = await world.table.get(`set/${world.keys[1]}`);
    const nonsense = { key: `set/${world.keys[1]}`, version: "nonsense", value: { shard: 7 } };
    await world.table.put(nonsense, { version: found?.version ?? "" });
    await world.table.put(
      { key: "serves/shard-0", version: "nonsense", value: {} },
      { absent: true },
    );
    await world.clock.runFor(2 * 60_000);
    const started = world.invocations.length;
    world.queue(1, { durationMs: 1_000 });
    await world.clock.runUntil(() => world.pair()[0] === 1, 100, "the patch");
    await world.clock.runUntil(() => world.jobsLeft() === 0, 10_000, "the job's end");
    await world.clock.runFor(5 * 60_000);
    expect((await world.registry.findServes("shard-0"))?.scaleSetKeys).toEqual([world.keys[0]]);
    // By the sweep and by the one invocation that serves: each reads it many times.
    expect(world.logged("registry_row_unreadable").length).toBe(2);
    expect(world.invocations.length).toBe(started);
  });
});

describe("a quiet fleet", () => {
  it("writes nothing to its cluster in an hour, and to the store no more than its tokens need", async () => {
    world = await createPollerWorld({
      mode: "auto-assign",
      sets: [{ name: "linux", minRunners: 1 }, { name: "arm" }],
      settings: { restAfterMs: undefined },
    });
    world.wake();
    await world.clock.runFor(20 * 60_000);
    const before = writesTo().length;
    const checkpoints = () => world.puts.filter(({ key }) => key.startsWith("checkpoint/"));
    const puts = checkpoints().length;
    await world.clock.runFor(60 * 60_000);
    expect(writesTo().length).toBe(before);
    // Two sets, a token of an hour each, and one that was near its end.
    expect(checkpoints().length - puts).toBeLessThanOrEqual(3);
    expect(puts).toBeGreaterThan(0);
    expect(world.logged("scale_set_failed")).toEqual([]);
  });
});
