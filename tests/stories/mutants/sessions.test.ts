// What the service says about itself is taken at its word, and what cannot be true is asked once more.
import { afterEach, describe, expect, it } from "vitest";
import type { Fetch } from "@runlet/runtime/fetch";
import { createPollerWorld, type PollerWorld } from "../poller/poller-world.ts";
import { modes } from "../world/running-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

/** The next message tells of no job at all, as in ARC #3204; everything else of it is true. */
function lieOnce(): void {
  const { service } = world;
  const honest: Fetch = service.fetch;
  service.fetch = async (url, init) => {
    const answer = await honest(url, init);
    if ((init?.method ?? "GET") !== "GET" || answer.status !== 200) return answer;
    const text = await answer.text();
    if (!text.includes('"statistics"') || !text.includes('"messageId"')) return again(answer, text);
    service.fetch = honest;
    return again(answer, text.replace(/"total(\w+)":\d+/g, '"total$1":0'));
  };
}

function again({ status, headers }: Response, text: string): Response {
  const copied = new Headers(headers);
  copied.delete("content-length");
  return new Response(text, { status, headers: copied });
}

describe.each(modes)("a tally (%s)", (mode) => {
  it("of nothing while two jobs run lowers nobody before the service was asked again", async () => {
    const lowest = { replicas: Infinity };
    world = await createPollerWorld({ mode });
    const { clock, service } = world;
    world.wake();
    await clock.runFor(3_000);
    world.queue(2, { durationMs: 60_000 });
    const running = () => service.control.ledger().counts.running;
    await clock.runUntil(() => running() === 2, 10_000, "two running jobs");
    await clock.runFor(1_000);
    lieOnce();
    // The open poll was asked before the lie: its message is true, the next one is not.
    world.queue(1, { durationMs: 60_000 });
    await clock.runFor(500);
    world.queue(1, { durationMs: 60_000 });
    for (let passedMs = 0; passedMs < 1_000; passedMs += 10) {
      await clock.runFor(10);
      lowest.replicas = Math.min(lowest.replicas, world.pair()[0]);
    }
    expect(lowest.replicas).toBeGreaterThanOrEqual(3);
    expect(world.pair()[0]).toBe(4);
    expect(world.logged("tally_asked_again").length).toBe(1);
  });
});

describe.each(modes)("a new session in the place of a lost one (%s)", (mode) => {
  it("begins at the oldest message that nobody has deleted, and deletes it", async () => {
    world = await createPollerWorld({ mode, bootMs: 60_000 });
    const { clock, service, events } = world;
    world.wake();
    await clock.runFor(3_000);
    service.control.addFault({ route: "acknowledge", status: 503, times: 20 });
    world.queue(1);
    await clock.runFor(20_000);
    service.control.clearFaults();
    const delivered = events.flatMap((one) => (one.kind === "message-delivered" ? [one] : []));
    const open = delivered.at(-1)?.messageId;
    const isDeleted = () =>
      events.some((one) => one.kind === "message-deleted" && one.messageId === open);
    expect(isDeleted()).toBe(false);
    service.control.evictSession("linux");
    await clock.runUntil(isDeleted, 2_000, "the deletion");
  });
});

describe.each(modes)("a poll that is answered 429 (%s)", (mode) => {
  it("is not repeated before the time that the service asks to wait", async () => {
    const polls: number[] = [];
    world = await createPollerWorld({
      mode,
      onEffect({ what, phase }) {
        if (phase === "before" && /^fetch GET .*message/i.test(what)) {
          polls.push(world.clock.nowMs());
        }
      },
    });
    const { clock, service } = world;
    world.wake();
    await clock.runFor(3_000);
    service.control.addFault({ route: "poll", status: 429, retryAfter: "9", times: 1 });
    // The open poll is answered by this job's message; the one after it is refused.
    world.queue(1, { durationMs: 60_000 });
    await clock.runFor(200);
    const refusedAt = polls.at(-1) ?? 0;
    expect(refusedAt).toBeGreaterThanOrEqual(3_000);
    await clock.runUntil(() => (polls.at(-1) ?? 0) > refusedAt, 15_000, "the next poll");
    expect((polls.at(-1) ?? 0) - refusedAt).toBeGreaterThanOrEqual(9_000);
  });
});

describe.each(modes)("a poll that is refused since its token has expired (%s)", (mode) => {
  it("is followed by one with a new token, in the same session, before the next job comes", async () => {
    world = await createPollerWorld({ mode });
    const { clock, service, events } = world;
    world.wake();
    await clock.runFor(45_000);
    service.control.expireQueueTokens();
    // The open poll ends by itself at 50 s, the next one is refused.
    await clock.runFor(10_000);
    world.queue(1);
    await clock.runUntil(() => world.pair()[0] === 1, 100, "the patch");
    expect(events.filter(({ kind }) => kind === "session-refreshed").length).toBe(1);
    expect(events.filter(({ kind }) => kind === "session-created").length).toBe(1);
  });
});
