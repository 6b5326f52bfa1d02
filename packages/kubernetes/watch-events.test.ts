// Why: a watch is read from whatever pieces the network makes of it, for minutes; every way it can end
// must be told apart, since each asks for something else.
import { createSeededRandom } from "@runlet/runtime/random";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createKubernetesClient, type KubernetesError, type WatchEvent } from "./client.ts";
import { createFakeServer, createStream, statusAnswer } from "./fake-server.ts";
import { pods } from "./resources.ts";
import type { KubernetesObject } from "./client.ts";

function openWatch(stream = createStream(), answer?: Response) {
  const clock = createVirtualClock();
  const server = createFakeServer(() => answer ?? stream.response);
  const client = createKubernetesClient({
    access: { server: "https://c.test", fetch: server.fetch },
    clock,
    userAgent: "runlet/test",
    limitMs: 10_000,
  });
  const stop = new AbortController();
  let opened = 0;
  const events: WatchEvent<KubernetesObject>[] = [];
  const run = async () => {
    const options = { resourceVersion: "7", timeoutSeconds: 250, signal: stop.signal };
    for await (const event of client.watch(pods, { ...options, onOpen: () => opened++ }))
      events.push(event);
    return "ended" as const;
  };
  return { stream, stop, events, requests: server.requests, clock, run, opened: () => opened };
}

const pod = (name: string, resourceVersion: string) => ({
  metadata: { name, namespace: "a", resourceVersion },
});

test("a watch asks for bookmarks from the version it was given and yields what comes", async () => {
  const watch = openWatch();
  const run = watch.run();
  watch.stream.event("ADDED", pod("a", "8"));
  watch.stream.event("BOOKMARK", { kind: "Pod", metadata: { resourceVersion: "9" } });
  watch.stream.event("DELETED", pod("a", "10"));
  watch.stream.end();
  expect(await run).toBe("ended");
  expect(watch.events).toEqual([
    { type: "ADDED", object: pod("a", "8") },
    { type: "BOOKMARK", resourceVersion: "9" },
    { type: "DELETED", object: pod("a", "10") },
  ]);
  expect(watch.opened()).toBe(1);
  expect(Object.fromEntries(watch.requests[0]?.query ?? [])).toEqual({
    watch: "1",
    allowWatchBookmarks: "true",
    resourceVersion: "7",
    timeoutSeconds: "250",
  });
});

test("however a stream is cut into pieces, the same events come out", async () => {
  const seed = 20261124;
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.array(fc.string({ unit: "grapheme" })), async (s, names) => {
      const random = createSeededRandom(s);
      const watch = openWatch();
      const run = watch.run();
      const objects = names.map((name, index) => pod(name, String(index + 8)));
      const lines = objects.map((object) => JSON.stringify({ type: "ADDED", object }));
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
      for (let at = 0; at < bytes.length;) {
        const size = 1 + random.int(40);
        watch.stream.write(bytes.subarray(at, at + size));
        at += size;
      }
      watch.stream.end();
      await run;
      expect(watch.events).toEqual(objects.map((object) => ({ type: "ADDED", object })));
    }),
    { seed, numRuns: 60 },
  );
});

test("a line that was cut off by the end of the stream is no event", async () => {
  const watch = openWatch();
  const run = watch.run();
  watch.stream.event("ADDED", pod("a", "8"));
  watch.stream.write('{"type":"DELETED","object":{"metadata":{"name":"a","resourceVersion":"9"}}}');
  watch.stream.end();
  expect(await run).toBe("ended");
  expect(watch.events).toHaveLength(1);
});

test("410 throws the same error as a status and as an event", async () => {
  const status = openWatch(createStream(), statusAnswer(410, "Expired", "too old"));
  await expect(status.run()).rejects.toMatchObject({ status: 410, reason: "Expired" });
  expect(status.opened()).toBe(0);
  const event = openWatch();
  const run = event.run();
  event.stream.event("ERROR", { kind: "Status", code: 410, reason: "Expired", message: "too old" });
  await expect(run).rejects.toMatchObject({ status: 410, reason: "Expired" });
  expect(event.stream.isCancelled()).toBe(true);
});

test("a connection that breaks is an error, not an end", async () => {
  const watch = openWatch();
  const run = watch.run();
  watch.stream.fail(Object.assign(new Error("aborted"), { code: "ECONNRESET" }));
  await expect(run).rejects.toMatchObject({ status: 0, reason: "Unreachable" });
});

test("an abort ends the stream quietly and cancels the body, heeded by the server or not", async () => {
  const watch = openWatch();
  const run = watch.run();
  await watch.clock.settle();
  watch.stop.abort(new Error("hand-over"));
  expect(await run).toBe("ended");
  expect(watch.stream.isCancelled()).toBe(true);
  expect(watch.requests[0]?.signal?.aborted).toBe(true);
});

test("leaving the loop ends the request", async () => {
  const stream = createStream();
  const server = createFakeServer(() => stream.response);
  const client = createKubernetesClient({
    access: { server: "https://c.test", fetch: server.fetch },
    clock: createVirtualClock(),
    userAgent: "t",
    limitMs: 1_000,
  });
  stream.event("ADDED", pod("a", "8"));
  for await (const event of client.watch(pods, { resourceVersion: "1" })) {
    expect(event.type).toBe("ADDED");
    break;
  }
  expect(stream.isCancelled()).toBe(true);
  expect(server.requests[0]?.signal?.aborted).toBe(true);
});

test("the time limit holds for the headers and not for the stream", async () => {
  const watch = openWatch();
  const run = watch.run();
  await watch.clock.runFor(3_600_000);
  watch.stream.event("ADDED", pod("late", "8"));
  watch.stream.end();
  expect(await run).toBe("ended");
  expect(watch.events).toHaveLength(1);
});

test("a line above ten megabytes is refused before it is held whole", async () => {
  const watch = openWatch();
  const run = watch.run();
  const failed = run.catch((error: unknown) => error as KubernetesError);
  for (let sent = 0; sent < 12; sent++) watch.stream.write("x".repeat(1_000_000));
  expect(await failed).toMatchObject({ status: 0, message: expect.stringContaining("10000000") });
  expect(watch.stream.isCancelled()).toBe(true);
});

test.each([
  ["no JSON", "{nonsense}\n"],
  ["no version", '{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n'],
  ["an unknown type", '{"type":"RENAMED","object":{"metadata":{"resourceVersion":"9"}}}\n'],
])("a line with %s is an error, never a crash or silence", async (_what, line) => {
  const watch = openWatch();
  const run = watch.run();
  watch.stream.write(line);
  await expect(run).rejects.toMatchObject({ status: 200, reason: "Unreadable" });
});
