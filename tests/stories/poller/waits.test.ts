// Between two polls: no loop is faster than its floor (I26), and a wait for the service keeps back nothing that the
// clusters ask for.
import { afterEach, describe, expect, it } from "vitest";
import { autoscalingRunnerSets } from "@runlet/kubernetes/resources";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

const polls = () => world.events.filter(({ kind }) => kind === "poll-opened").length;

describe("a service that ends polls too soon", () => {
  it.each([10, 30, 300])("empty after %i ms is polled at most twice a second", async (holdMs) => {
    world = await createPollerWorld({ mode: "auto-assign", knobs: { holdMs } });
    world.wake();
    await world.clock.runFor(10_000);
    const before = polls();
    await world.clock.runFor(10_000);
    expect(polls() - before).toBeLessThanOrEqual(20);
    expect(polls() - before).toBeGreaterThan(0);
    world.queue(1, { durationMs: 1_000 });
    await world.clock.runUntil(() => world.pair()[0] === 1, 2_500, "the job's patch");
  });
});

describe("somebody else who refreshes our token away and polls in our place", () => {
  it("is answered no faster than twice a second, however fast they are", async () => {
    world = await createPollerWorld({ mode: "auto-assign", knobs: { holdMs: 5_000 } });
    world.wake();
    await world.clock.runFor(2_000);
    const refused = () => world.logged("poll_failed").length;
    void intrude(500);
    await world.clock.runFor(30_000);
    expect(refused()).toBeGreaterThan(10);
    expect(refused()).toBeLessThanOrEqual(60);
  });
});

describe("a service that deletes no message and gives the same one again and again", () => {
  it("is polled at most twice a second, costs no more patches, and new messages are acted on", async () => {
    world = await createPollerWorld({ mode: "auto-assign" });
    world.wake();
    await world.clock.runFor(2_000);
    const { service } = world;
    const { fetch } = service;
    let isBroken = true;
    service.fetch = async (url, init) => {
      const isMessage = new URL(url).pathname.includes("/message");
      if (!isBroken || !isMessage) return fetch(url, init);
      if (init?.method === "DELETE") return new Response("", { status: 500 });
      await world.clock.sleep(5);
      return fetch(url.replace(/lastMessageId=\d+&?/, ""), init);
    };
    world.queue(1, { durationMs: 60_000 });
    await world.clock.runFor(10_000);
    const before = { polls: polls(), patchId: world.pair()[1] };
    await world.clock.runFor(10_000);
    expect(polls() - before.polls).toBeLessThanOrEqual(20);
    expect(polls() - before.polls).toBeGreaterThan(0);
    expect(world.pair()[1] - before.patchId).toBeLessThanOrEqual(20);
    isBroken = false;
    world.queue(1, { durationMs: 1_000 });
    await world.clock.runUntil(() => world.pair()[0] === 2, 2_500, "the next job's patch");
  });
});

/** A second holder of the session that never waits; gives up after so many rounds, since time would stand still. */
async function intrude(roundsMax: number): Promise<void> {
  const sessionId = String(world.logged("session_created")[0]?.["sessionId"]);
  for (let round = 0; round < roundsMax; round++) {
    const answer = await world.admin.refreshSession(1, sessionId);
    if (!answer.ok) throw new Error(answer.failure.message);
    await world.admin.poll(answer.value, { lastMessageId: 0, maxCapacity: 1 });
  }
}

describe("minRunners raised while polls fail", () => {
  it.each([
    ["with 429 and two minutes to wait", { status: 429, retryAfter: "120" }, undefined],
    ["with 401, the refreshes too", { status: 401 }, 503],
  ])("%s is acted on within two seconds", async (_how, poll, refresh) => {
    world = await createPollerWorld({ mode: "auto-assign", knobs: { holdMs: 5_000 } });
    world.wake();
    await world.clock.runFor(12_000);
    world.service.control.addFault({ route: "poll", times: 1_000, ...poll });
    if (refresh !== undefined) {
      world.service.control.addFault({ route: "refreshSession", status: refresh, times: 1_000 });
    }
    await world.clock.runFor(60_000);
    const failed = world.logged("poll_failed").length;
    const { client } = world.cluster("east");
    const key = { namespace: "runners", name: "linux" };
    const body = { spec: { minRunners: 2 } };
    await client.patch(autoscalingRunnerSets, key, { type: "merge", body });
    await world.clock.runUntil(() => world.pair()[0] === 2, 2_000, "the patch");
    // The wait goes on: nobody asked the service sooner for it.
    expect(world.logged("poll_failed").length - failed).toBeLessThanOrEqual(1);
  });
});
