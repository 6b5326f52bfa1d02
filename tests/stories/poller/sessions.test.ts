import { afterEach, describe, expect, it } from "vitest";
import type { FailureReason } from "@runlet/actions-service/service";
import { annotations, ephemeralRunnerSets } from "@runlet/kubernetes/resources";
import type { Fault } from "@runlet/simulators/actions-service/faults";
import { createPollerWorld, type PollerWorld, type WorldOptions } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

async function serving(options: WorldOptions): Promise<void> {
  world = await createPollerWorld(options);
  world.wake();
  await world.clock.runFor(5_000);
}
const fault = (one: Fault) => world.service.control.addFault(one);
const control = () => world.service.control;

describe.each(["acquire", "auto-assign"] as const)("the service misbehaves (%s)", (mode) => {
  it.each<[string, Omit<Fault, "route">, number]>([
    ["500", { status: 500, times: 3 }, 20_000],
    ["503 with Retry-After", { status: 503, retryAfter: "7", times: 2 }, 30_000],
    ["429 with Retry-After", { status: 429, retryAfter: "7", times: 2 }, 30_000],
    ["a cut connection", { drop: "before", times: 3 }, 20_000],
    ["a lost message", { drop: "after", times: 3 }, 20_000],
    ["an empty 200", { answer: "empty-body", times: 3 }, 20_000],
    ["bad JSON", { answer: "broken-json", times: 3 }, 20_000],
    ["statistics left out", { answer: "no-statistics", times: 1 }, 20_000],
    ["null statistics", { answer: "null-statistics", times: 1 }, 20_000],
    ["a byte order mark", { answer: "bom", times: 2 }, 20_000],
    ["ten megabytes", { answer: "huge", times: 1 }, 40_000],
    ["silence", { hang: true, times: 1 }, 90_000],
    ["404", { status: 404, times: 1 }, 120_000],
    ["403", { status: 403, times: 1 }, 30_000],
  ])(
    "at a poll: %s; the job still runs, no session is lost for good",
    async (_name, how, boundMs) => {
      await serving({ mode });
      fault({ route: "poll", ...how });
      // The open poll is answered by the job; the faults hit the polls after it.
      world.queue(1, { durationMs: 1_000 });
      await world.clock.runFor(500);
      world.queue(1, { durationMs: 1_000 });
      await world.clock.runUntil(() => world.jobsLeft() === 0, boundMs, "the jobs");
      expect(world.invocations.length).toBe(1);
      expect(world.invocations[0]?.endedAt).toBeUndefined();
    },
  );

  it("goes on with a new token when the queue token has expired, as often as that happens", async () => {
    await serving({ mode });
    for (let round = 0; round < 3; round++) {
      control().expireQueueTokens();
      world.queue(1, { durationMs: 1_000 });
      await world.clock.runUntil(() => world.jobsLeft() === 0, 60_000, "the job");
    }
    expect(world.events.filter(({ kind }) => kind === "session-created").length).toBe(1);
  });

  it("opens a new session at once when the service has forgotten it; nothing undeleted is lost", async () => {
    await serving({ mode });
    control().evictSession("linux");
    world.queue(1, { durationMs: 1_000 });
    await world.clock.runUntil(() => world.jobsLeft() === 0, 15_000, "the job");
    expect(world.events.filter(({ kind }) => kind === "session-created").length).toBe(2);
  });

  it("waits for a foreign listener's session to lapse, says so, and serves its neighbour meanwhile", async () => {
    world = await createPollerWorld({ mode, sets: [{ name: "linux" }, { name: "arm" }] });
    control().takeSession("linux", "somebody-else");
    world.wake();
    await world.clock.runFor(5_000);
    world.queue(1, { scaleSet: "arm", durationMs: 1_000 });
    await world.clock.runUntil(() => world.pair("arm")[0] === 1, 200, "the neighbour's patch");
    world.queue(1, { durationMs: 1_000 });
    await world.clock.runUntil(() => world.jobsLeft() === 0, 90_000 + 10_000 + 5_000, "the job");
    expect(world.logged("session_held_by_another").length).toBe(1);
    expect(world.logged("session_orphaned")).toEqual([]);
  });

  it("opens no session for a set that another installation serves, whoever takes over, until it is given back", async () => {
    await serving({ mode, settings: { invocationMs: 60_000 } });
    const { client } = world.cluster("east");
    const [found] = (await client.list(ephemeralRunnerSets)).items;
    const key = { namespace: "runners", name: found?.metadata.name ?? "" };
    const fenced = (fence: string) => ({
      metadata: { annotations: { [annotations.fence]: fence } },
    });
    const ours = found?.metadata.annotations?.[annotations.fence] ?? "";
    await client.patch(ephemeralRunnerSets, key, { type: "merge", body: fenced("other:1") });
    await world.clock.runFor(1_000);
    expect(world.events.filter(({ kind }) => kind === "session-closed").length).toBe(1);
    const opened = () => world.events.filter(({ kind }) => kind === "session-created").length;
    await world.clock.runFor(150_000);
    expect(world.logged("shard_handed_over").length).toBeGreaterThanOrEqual(3);
    const holder = world.invocations.find(({ endedAt }) => endedAt === undefined);
    if (holder) world.kill(holder);
    world.start({ shard: "shard-0", reason: "failure" });
    await world.clock.runFor(60_000);
    expect(world.logged("shard_taken").map(({ from }) => from)).toContain("expired");
    expect(opened()).toBe(1);
    await client.patch(ephemeralRunnerSets, key, { type: "merge", body: fenced(ours) });
    world.queue(1, { durationMs: 1_000 });
    await world.clock.runUntil(() => world.jobsLeft() === 0, 10_000, "the job");
    expect(opened()).toBe(2);
  });

  it("survives a scale set deleted at the service, and serves the one made in its place", async () => {
    await serving({ mode });
    control().deleteScaleSet("linux");
    await world.clock.runFor(120_000);
    expect(world.invocations[0]?.endedAt).toBeUndefined();
    const made = await settled(
      world.admin.createScaleSet({ name: "linux", runnerGroupId: 1, labels: ["linux"] }),
    );
    if (!made.ok) throw new Error(made.failure.message);
    const found = await world.registry.findScaleSet(world.keys[0] ?? "");
    if (!found) throw new Error("no row");
    await world.registry.removeScaleSet(found.row.key, found.version);
    const row = {
      ...found.row,
      key: `github.com/acme:${made.value.id}`,
      scaleSetId: made.value.id,
    };
    await world.registry.putScaleSet(row, undefined);
    world.queue(1, { durationMs: 1_000 });
    await world.clock.runUntil(() => world.pair()[0] === 1, 25_000, "the patch for the new set");
  });

  it("one poisoned set of 200 delays nobody: it hangs, shouts 10 MB and throws in turn", async () => {
    const quiet = await patchTimes(false);
    const beside = await patchTimes(true);
    expect(beside).toHaveLength(199);
    // A patch costs no virtual time by itself: below a millisecond the ratio means nothing.
    expect(p99(beside)).toBeLessThanOrEqual(1.5 * Math.max(1, p99(quiet)));
  }, 60_000);

  /** Virtual ms from queued to patched for each set but the first, which is poisoned or not. */
  async function patchTimes(poisoned: boolean): Promise<number[]> {
    const names = Array.from({ length: 200 }, (_, index) => `set-${index}`);
    world = await createPollerWorld({ mode, sets: names.map((name) => ({ name })) });
    const inTurn = [{ hang: true }, { answer: "huge" }, { status: 500 }] as const;
    for (let turn = 0; poisoned && turn < 60; turn++) {
      for (const route of ["refreshSession", "createSession", "poll", "acknowledge"] as const) {
        fault({ route, scaleSet: "set-0", times: 1, ...inTurn[turn % 3] });
      }
    }
    world.wake();
    await world.clock.runFor(20_000);
    const times: number[] = [];
    for (const scaleSet of names.slice(1)) {
      const queuedAt = world.clock.nowMs();
      world.queue(1, { scaleSet, durationMs: 1_000 });
      const patched = () => world.pair(scaleSet)[0] === 1;
      await world.clock.runUntil(patched, 100, `the patch of ${scaleSet}`);
      times.push(world.clock.nowMs() - queuedAt);
    }
    await world.clock.runUntil(() => world.jobsLeft() === 0, 20_000, "the jobs");
    return times;
  }

  function p99(values: number[]): number {
    return values.toSorted((x, y) => x - y)[Math.ceil(values.length * 0.99) - 1] ?? Infinity;
  }
});

describe("acquiring", () => {
  const reasons: [FailureReason, Omit<Fault, "route">][] = [
    ["server-error", { status: 503, times: 6 }],
    ["rate-limited", { status: 429, retryAfter: "2", times: 6 }],
    ["unreachable", { drop: "before", times: 2 }],
    ["timed-out", { hang: true, times: 2 }],
  ];

  it.each(reasons)(
    "is tried again for a lone job, long before the next poll: %s",
    async (_reason, how) => {
      await serving({ mode: "acquire" });
      fault({ route: "acquireJobs", ...how });
      world.queue(1, { durationMs: 1_000 });
      await world.clock.runUntil(() => world.jobsLeft() === 0, 42_000, "the job");
      expect(world.logged("acquire_failed").length).toBeGreaterThan(0);
    },
  );

  it("goes on with what was left when only a part was acquired", async () => {
    await serving({ mode: "acquire", knobs: { acquireAtMost: 2 } });
    world.queue(7, { durationMs: 1_000 });
    await world.clock.runUntil(() => world.jobsLeft() === 0, 60_000, "all seven");
  });

  it("takes no more than there is room for, and the rest when there is", async () => {
    world = await createPollerWorld({ mode: "acquire", sets: [{ name: "linux", maxRunners: 2 }] });
    world.wake();
    await world.clock.runFor(3_000);
    world.queue(6, { durationMs: 3_000 });
    let most = 0;
    world.service.listen(() => {
      const { assigned, running } = world.service.control.ledger().counts;
      most = Math.max(most, assigned + running);
    });
    await world.clock.runUntil(() => world.jobsLeft() === 0, 60_000, "all six");
    expect(most).toBeLessThanOrEqual(2);
  });
});

/** A call of the world's own, which needs virtual time to pass. */
async function settled<T>(call: Promise<T>): Promise<T> {
  await world.clock.runFor(100);
  return call;
}
