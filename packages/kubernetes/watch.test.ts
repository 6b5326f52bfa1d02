// Why: a cache that lags or hot-loops is worse than none. Each way a watch can end is played under the
// virtual clock, with the requests counted and the instants compared.
import { createSilentLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { createVirtualClock, type VirtualClock } from "@runlet/runtime/virtual-clock";
import { expect, test } from "vitest";
import { createKubernetesClient, type KubernetesObject } from "./client.ts";
import { createFakeServer, createStream, json, statusAnswer } from "./fake-server.ts";
import { pods } from "./resources.ts";
import { createWatchedKind, type WatchedKind } from "./watch.ts";

function pod(name: string, version: number, uid = `uid-${name}`): KubernetesObject {
  return { metadata: { name, namespace: "a", uid, resourceVersion: String(version) } };
}

/** A server whose list and watch answers the test changes as it goes. */
function setUp() {
  const clock = createVirtualClock();
  const state = {
    items: [pod("a", 5)],
    version: 10,
    /** Answers instead of the list or the watch while it returns something. */
    fault: (_what: "list" | "watch"): Response | undefined => undefined,
    streams: [] as ReturnType<typeof createStream>[],
    at: [] as { what: "list" | "watch"; from: string | null; ms: number }[],
  };
  const server = createFakeServer((request) => {
    const what = request.query.has("watch") ? "watch" : "list";
    state.at.push({ what, from: request.query.get("resourceVersion"), ms: clock.nowMs() });
    const fault = state.fault(what);
    if (fault) return fault;
    if (what === "list")
      return json({ metadata: { resourceVersion: String(state.version) }, items: state.items });
    const stream = createStream();
    state.streams.push(stream);
    return stream.response;
  });
  const client = createKubernetesClient({
    access: { server: "https://c.test", fetch: server.fetch },
    clock,
    userAgent: "t",
    limitMs: 10_000,
  });
  const stop = new AbortController();
  const deps = { client, clock, random: createSeededRandom(7), log: createSilentLog() };
  const watched = createWatchedKind<KubernetesObject>(deps, {
    resource: pods,
    signal: stop.signal,
  });
  const stream = () => {
    const last = state.streams.at(-1);
    if (!last) throw new Error("no watch is open");
    return last;
  };
  const asked = (what: "list" | "watch") => state.at.filter((one) => one.what === what);
  return { clock, state, watched, stop, stream, asked, requests: server.requests };
}

function names(watched: WatchedKind<KubernetesObject>): string[] {
  return watched.all().map((one) => one.metadata.name);
}

async function started(world: ReturnType<typeof setUp>): Promise<void> {
  await world.clock.settle();
  await world.watched.ready();
}

test("a list fills the cache and a watch from its version keeps it fresh", async () => {
  const world = setUp();
  const changes: string[] = [];
  world.watched.onChange(({ type, object }) => changes.push(`${type} ${object.metadata.name}`));
  expect(world.watched.state().state).toBe("starting");
  await started(world);
  expect(world.watched.state()).toEqual({ state: "live", since: 0 });
  expect(world.asked("watch")[0]?.from).toBe("10");
  world.stream().event("ADDED", pod("b", 11));
  world.stream().event("MODIFIED", pod("a", 12));
  world.stream().event("DELETED", pod("b", 13));
  await world.clock.settle();
  expect(changes).toEqual(["set a", "set b", "set a", "gone b"]);
  expect(world.watched.find({ namespace: "a", name: "a" })?.metadata.resourceVersion).toBe("12");
});

test("what is written between list and watch is not lost: the watch asks from the list's version", async () => {
  const world = setUp();
  await started(world);
  // The server replays what came after version 10, whenever the watch was opened.
  world.stream().event("ADDED", pod("between", 11));
  await world.clock.settle();
  expect(names(world.watched)).toEqual(["a", "between"]);
});

test("a cut watch goes on from the last version it reached, without a list", async () => {
  const world = setUp();
  await started(world);
  world.stream().event("MODIFIED", pod("a", 17));
  await world.clock.runFor(2_000);
  world.stream().fail(Object.assign(new Error("cut"), { code: "ECONNRESET" }));
  await world.clock.runFor(200);
  expect(world.asked("watch").map((one) => one.from)).toEqual(["10", "17"]);
  world.stream().event("BOOKMARK", { metadata: { resourceVersion: "40" } });
  await world.clock.runFor(2_000);
  world.stream().end();
  await world.clock.settle();
  expect(world.asked("watch").map((one) => one.from)).toEqual(["10", "17", "40"]);
  expect(world.asked("list")).toHaveLength(1);
  expect(world.watched.state().state).toBe("live");
});

test.each(["as a status", "as an event"])(
  "410 %s lists again, and what vanished meanwhile is reported gone",
  async (how) => {
    const world = setUp();
    world.state.items = [pod("a", 5), pod("b", 6)];
    await started(world);
    const changes: string[] = [];
    world.watched.onChange(({ type, object }) => changes.push(`${type} ${object.metadata.name}`));
    world.state.items = [pod("a", 5), pod("c", 33)];
    world.state.version = 40;
    const gone = { kind: "Status", code: 410, reason: "Expired", message: "too old" };
    if (how === "as an event") world.stream().event("ERROR", gone);
    else {
      let once = 1;
      world.state.fault = (what) => (what === "watch" && once-- > 0 ? json(gone, 410) : undefined);
      await world.clock.runFor(1_500);
      world.stream().end();
    }
    await world.clock.settle();
    expect(changes).toEqual(["gone b", "set c"]);
    expect(world.asked("list")).toHaveLength(2);
    expect(world.asked("watch").at(-1)?.from).toBe("40");
    expect(world.watched.state().state).toBe("live");
  },
);

test("a server that answers every watch with 410 is not listed in a loop", async () => {
  const world = setUp();
  world.state.fault = (what) =>
    what === "watch" ? statusAnswer(410, "Expired", "too old") : undefined;
  await world.clock.runFor(60_000);
  expect(world.asked("list").length).toBeGreaterThan(5);
  expect(world.asked("list").length).toBeLessThan(30);
});

test("an outage makes it stale from that moment, asks ever more slowly, and ends when the server is back", async () => {
  const world = setUp();
  await started(world);
  await world.clock.runFor(10_000);
  world.state.fault = () => statusAnswer(503, "ServiceUnavailable", "down");
  world.stream().end();
  await world.clock.settle();
  const state = world.watched.state();
  expect(state).toMatchObject({ state: "stale", since: 10_000 });
  expect(state.lastError).toContain("503");
  const before = world.state.at.length;
  await world.clock.runFor(60_000);
  const during = world.state.at.slice(before);
  expect(during.length).toBeGreaterThan(12);
  expect(during.length).toBeLessThan(35);
  const gaps = during.slice(1).map((one, index) => one.ms - (during[index]?.ms ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(5_000);
  expect(new Set(gaps).size).toBeGreaterThan(3);
  expect(names(world.watched)).toEqual(["a"]);
  world.state.fault = () => undefined;
  const backAt = world.clock.nowMs();
  await world.clock.runUntil(() => world.watched.state().state === "live", 5_100);
  expect(world.watched.state().since - backAt).toBeLessThanOrEqual(5_000);
  expect(world.watched.state().lastError).toBeUndefined();
});

test("Retry-After is honoured", async () => {
  const world = setUp();
  world.state.fault = () => json({ reason: "TooManyRequests" }, 429, { "retry-after": "20" });
  await world.clock.runFor(61_000);
  expect(world.state.at.map((one) => one.ms)).toEqual([0, 20_000, 40_000, 60_000]);
  expect(world.watched.state().state).toBe("starting");
});

test("a watch that has gone silent is cut soon after the server should have ended it", async () => {
  const world = setUp();
  await started(world);
  const timeout = Number(world.requests.at(-1)?.query.get("timeoutSeconds"));
  expect(timeout).toBeGreaterThanOrEqual(240);
  expect(timeout).toBeLessThan(300);
  const first = world.stream();
  await world.clock.runUntil(() => world.asked("watch").length === 2, 400_000);
  expect(world.clock.nowMs()).toBe(timeout * 1_000 + 15_000);
  expect(first.isCancelled()).toBe(true);
  expect(world.asked("list")).toHaveLength(1);
});

test("a server that sends bookmarks is found silent after three missed ones", async () => {
  const world = setUp();
  await started(world);
  await world.clock.runFor(60_000);
  world.stream().event("BOOKMARK", { metadata: { resourceVersion: "11" } });
  await world.clock.runUntil(() => world.asked("watch").length === 2, 400_000);
  expect(world.clock.nowMs()).toBe(260_000);
});

test("a server that ends each watch at once is not asked in a loop", async () => {
  const world = setUp();
  world.state.fault = (what) => (what === "watch" ? new Response("") : undefined);
  await world.clock.runFor(60_000);
  expect(world.asked("watch").length).toBeLessThan(35);
  expect(world.asked("list")).toHaveLength(1);
});

test("events older than the watch's beginning mean a restored cluster: it lists again (F55)", async () => {
  const world = setUp();
  world.state.version = 900;
  await started(world);
  world.state.version = 60;
  world.state.items = [pod("restored", 44)];
  world.stream().event("MODIFIED", pod("a", 61));
  await world.clock.settle();
  expect(names(world.watched)).toEqual(["restored"]);
  expect(world.asked("watch").at(-1)?.from).toBe("60");
});

test("what our own write answered is there before the watch tells of it", async () => {
  const world = setUp();
  await started(world);
  const changes: string[] = [];
  world.watched.onChange(({ object }) => changes.push(String(object.metadata.resourceVersion)));
  world.watched.note(pod("a", 14));
  expect(world.watched.find({ namespace: "a", name: "a" })?.metadata.resourceVersion).toBe("14");
  world.stream().event("MODIFIED", pod("a", 12));
  world.stream().event("MODIFIED", pod("a", 14));
  await world.clock.settle();
  expect(changes).toEqual(["14"]);
});

test("a listener that throws harms nobody else", async () => {
  const world = setUp();
  const heard: string[] = [];
  world.watched.onChange(() => {
    throw new Error("a defect");
  });
  const leave = world.watched.onChange(({ object }) => heard.push(object.metadata.name));
  await started(world);
  world.stream().event("ADDED", pod("b", 11));
  await world.clock.settle();
  leave();
  world.stream().event("ADDED", pod("c", 12));
  await world.clock.settle();
  expect(heard).toEqual(["a", "b"]);
  expect(names(world.watched)).toEqual(["a", "b", "c"]);
});

test.each([
  ["while it watches", undefined],
  ["while it waits after a failure", 503],
  ["while the list hangs", 0],
])("an abort %s ends everything: no timer, no request, no open stream", async (_when, status) => {
  const world = setUp();
  if (status === 503) world.state.fault = () => statusAnswer(503, "ServiceUnavailable", "down");
  if (status === 0) world.state.fault = () => hanging();
  await world.clock.runFor(150);
  world.stop.abort(new Error("hand-over"));
  const before = world.state.at.length;
  await world.clock.runFor(600_000);
  expect(world.state.at).toHaveLength(before);
  expect(world.clock.timersCount()).toBe(0);
  expect(world.state.streams.every((stream) => stream.isCancelled())).toBe(true);
  if (status !== undefined) await expect(world.watched.ready()).rejects.toThrow("hand-over");
});

test("a quiet hour costs a few watches and no list", async () => {
  const world = setUp();
  await started(world);
  await endWatchesOnTime(world.clock, world, 3_600_000);
  expect(world.asked("list")).toHaveLength(1);
  expect(world.asked("watch").length).toBeLessThanOrEqual(16);
  expect(world.watched.state()).toEqual({ state: "live", since: 0 });
});

/** As a real server: each watch ends when the time asked for is over. */
async function endWatchesOnTime(
  clock: VirtualClock,
  world: ReturnType<typeof setUp>,
  ms: number,
): Promise<void> {
  const end = clock.nowMs() + ms;
  while (clock.nowMs() < end) {
    const seconds = Number(world.requests.at(-1)?.query.get("timeoutSeconds"));
    await clock.runFor(seconds * 1_000);
    world.stream().end();
    await clock.settle();
  }
}

/** Headers that come and a body that never does. */
function hanging(): Response {
  return new Response(new ReadableStream());
}
