// Why: limits, retries, budget and redaction are the same for every call, so they are shown once.
import { describe, expect, test } from "vitest";
import { DeadlineExceeded } from "@runlet/runtime/deadline";
import { redactText } from "@runlet/runtime/log";
import { type Bench, brokenBy, createBench } from "./scripted-server.ts";

const queue = {
  queueUrl: "https://ghes.test/q?sessionId=3f0c&sig=s1gnature",
  queueToken: "mqt-canary",
};
const find = ({ service, run }: Bench) => run(service.findRunner(42));
const runner = { id: 42, name: "r", runnerScaleSetId: 7 };

/** A bench that has its admin connection, so that only the call itself is counted. */
async function createReadyBench(): Promise<Bench> {
  const bench = createBench();
  bench.server.next({ status: 200, body: runner });
  await find(bench);
  bench.server.requests.length = 0;
  return bench;
}

describe("retries", () => {
  test("a call that fails once succeeds at the second attempt, after a jittered wait", async () => {
    const bench = await createReadyBench();
    bench.server.next({ status: 503 }, { status: 200, body: runner });
    expect(await find(bench)).toMatchObject({ ok: true });
    const [first, second, ...more] = bench.server.requests;
    expect(more).toEqual([]);
    const waitedMs = (second?.atMs ?? 0) - (first?.atMs ?? 0);
    expect(waitedMs).toBeGreaterThanOrEqual(250);
    expect(waitedMs).toBeLessThanOrEqual(500);
  });

  test("they end with the call's limit: the last failure, not a wait that cannot be used", async () => {
    const bench = await createReadyBench();
    bench.server.always({ status: 500 });
    const failed = await bench.run(bench.service.findRunner(42, { limitMs: 600 }));
    expect(failed).toMatchObject({ failure: { reason: "server-error", status: 500 } });
    expect(bench.clock.nowMs()).toBeLessThanOrEqual(600);
    expect(bench.server.requests).toHaveLength(2);
  });

  test("in an outage of ten minutes calls grow by less than a fifth (I21)", async () => {
    const bench = await createReadyBench();
    bench.server.always({ status: 500 });
    const endMs = bench.clock.nowMs() + 600_000;
    let calls = 0;
    while (bench.clock.nowMs() < endMs) {
      await find(bench);
      await bench.run(bench.service.acknowledge(queue, 1));
      calls += 2;
      await bench.clock.runFor(20_000);
    }
    expect(calls).toBeGreaterThan(40);
    expect(bench.server.requests.length).toBeLessThanOrEqual(calls * 1.2);
  });

  test("success earns them back", async () => {
    const bench = await createReadyBench();
    bench.server.always({ status: 500 });
    for (let at = 0; at < 5; at++) await find(bench);
    bench.server.requests.length = 0;
    await find(bench);
    expect(bench.server.requests).toHaveLength(1);
    bench.server.always({ status: 200, body: runner });
    for (let at = 0; at < 5; at++) await find(bench);
    bench.server.requests.length = 0;
    bench.server.always({ status: 500 });
    await find(bench);
    expect(bench.server.requests).toHaveLength(2);
  });

  test("a call aborted while it waits for its next attempt sends none", async () => {
    const bench = await createReadyBench();
    bench.server.always({ status: 503 });
    const stop = new AbortController();
    bench.clock.after(100, () => stop.abort(new Error("handing over")));
    const aborted = bench.service.findRunner(42, { signal: stop.signal });
    await expect(bench.run(aborted)).rejects.toThrow("handing over");
    await bench.clock.runFor(60_000);
    expect(bench.server.requests).toHaveLength(1);
    expect(bench.clock.timersCount()).toBe(0);
  });

  test.each(["createSession", "createScaleSet", "generateJitConfig", "acquireJobs"] as const)(
    "%s, whose answer was lost, is left to the caller: it may have happened",
    async (name) => {
      const bench = await createReadyBench();
      bench.server.always({ status: 0, breaks: brokenBy("ECONNRESET", "socket hang up") });
      const { service, run } = bench;
      const calls = {
        createSession: () => service.createSession(7, "host"),
        createScaleSet: () => service.createScaleSet({ name: "s", runnerGroupId: 1, labels: [] }),
        generateJitConfig: () => service.generateJitConfig(7, { name: "r", workFolder: "" }),
        acquireJobs: () => service.acquireJobs(7, "q", ["1"]),
      };
      const failed = await run<{ ok: boolean }>(calls[name]());
      const message = expect.stringContaining("socket hang up");
      expect(failed).toMatchObject({ ok: false, failure: { reason: "unreachable", message } });
      expect(bench.server.requests).toHaveLength(1);
    },
  );
});

test("an abort is an abort, also when its reason is a time limit of the caller's", async () => {
  const bench = await createReadyBench();
  bench.server.always({ status: 200, hangs: true });
  const stop = new AbortController();
  bench.clock.after(100, () => stop.abort(new DeadlineExceeded(100)));
  const aborted = bench.service.findRunner(42, { signal: stop.signal });
  await expect(bench.run(aborted)).rejects.toThrow(DeadlineExceeded);
});

describe("Retry-After", () => {
  test.each([
    ["3", 3_000],
    ["0", 0],
    ["86400", 300_000],
    ["99999999999999999999", 300_000],
    ["Thu, 01 Jan 2026 00:00:30 GMT", 30_000],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["soon", undefined],
    ["-5", undefined],
  ])("%j is a wait of %s ms", async (value, retryAfterMs) => {
    const bench = createBench();
    bench.server.always({ status: 429, headers: { "Retry-After": value } });
    const poll = bench.service.poll(queue, { lastMessageId: 0, maxCapacity: 1 });
    const failed = await bench.run(poll);
    if (failed.ok) throw new Error("it was refused");
    expect(failed.failure.reason).toBe("rate-limited");
    expect(failed.failure.retryAfterMs).toBe(retryAfterMs);
  });

  test("is waited for when the limit allows it, and told to the caller when not", async () => {
    const bench = await createReadyBench();
    const headers = { "Retry-After": "4" };
    bench.server.next({ status: 429, headers }, { status: 200, body: runner });
    expect(await find(bench)).toMatchObject({ ok: true });
    expect(bench.clock.nowMs()).toBe(4_000);
    bench.server.next({ status: 503, headers: { "Retry-After": "40" } });
    expect(await find(bench)).toMatchObject({ failure: { retryAfterMs: 40_000 } });
    expect(bench.clock.nowMs()).toBe(4_000);
  });
});

describe("an answer's body", () => {
  test("may begin with a byte order mark, in success and in failure", async () => {
    const bench = await createReadyBench();
    bench.server.next({ status: 200, body: `\uFEFF${JSON.stringify(runner)}` });
    expect(await find(bench)).toMatchObject({ ok: true, value: { id: 42 } });
    const body = '\uFEFF{"typeName":"X.JobStillRunningException","message":"m"}';
    bench.server.next({ status: 400, body });
    expect(await bench.run(bench.service.removeRunner(42))).toMatchObject({ value: "busy" });
  });

  test("that never ends, or ends early, fails the call alone", async () => {
    const bench = await createReadyBench();
    const breaks = { status: 200, body: '{"id":4', bodyBreaks: brokenBy("UND_ERR_SOCKET") };
    bench.server.next(breaks, { status: 200, body: runner });
    expect(await find(bench)).toMatchObject({ ok: true });
    expect(bench.server.requests).toHaveLength(2);
    const endless = () => new Response(new ReadableStream({ start() {} }), { status: 200 });
    const service = bench.another({ fetch: () => Promise.resolve(endless()) });
    const poll = service.poll(queue, { lastMessageId: 0, maxCapacity: 1 }, { limitMs: 1_000 });
    expect(await bench.run(poll)).toMatchObject({ failure: { reason: "timed-out" } });
  });

  test.each([
    ["arrays", `${"[".repeat(200_000)}${"]".repeat(200_000)}`],
    ["objects", `${'{"a":'.repeat(200_000)}1${"}".repeat(200_000)}`],
  ])(
    "of %s in one another, two hundred thousand deep, is unreadable, and ends nothing",
    async (_of, body) => {
      for (const [status, reason] of [
        [200, "unreadable"],
        [400, "refused"],
      ] as const) {
        const bench = createBench();
        bench.server.always({ status, body });
        const outcome = await bench.run(bench.service.listScaleSets());
        expect(outcome).toMatchObject({ ok: false, failure: { reason } });
        const queue = { queueUrl: "https://ghes.test/q", queueToken: "t" };
        const at = { lastMessageId: 0, maxCapacity: 1 };
        expect(await bench.run(bench.service.poll(queue, at))).toMatchObject({ ok: false });
      }
    },
  );

  test("of ten megabytes is given up, not read", async () => {
    let sent = 0;
    const chunk = new Uint8Array(64 * 1024).fill(32);
    const stream = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          if (sent >= 10 * 1024 * 1024) return controller.close();
          sent += chunk.byteLength;
          controller.enqueue(chunk);
        },
      });
    const bench = createBench({ fetch: () => Promise.resolve(new Response(stream())) });
    const poll = bench.service.poll(queue, { lastMessageId: 0, maxCapacity: 1 });
    expect(await bench.run(poll)).toMatchObject({ failure: { reason: "unreadable" } });
    expect(sent).toBeLessThan(5 * 1024 * 1024);
  });

  test("in several pieces, cut inside a character, is read whole", async () => {
    const text = new TextEncoder().encode(JSON.stringify({ ...runner, name: "läufer-日" }));
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of text) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const bench = await createReadyBench();
    const { clock, run } = bench;
    const service = bench.another({
      fetch: (url, init) =>
        url.includes("/agents/")
          ? Promise.resolve(new Response(stream))
          : bench.server.fetch(url, init),
    });
    expect(await run(service.findRunner(42))).toMatchObject({ value: { name: "läufer-日" } });
    // Read in microtasks: a virtual clock has not moved.
    expect(clock.nowMs()).toBe(0);
  });
});

describe("a failure", () => {
  test("says what was tried on what, what came, and the two ids support asks for", async () => {
    const bench = await createReadyBench();
    bench.server.next({
      status: 400,
      body: { typeName: "CSharpExceptionNameHere, Some.Assembly", message: "could not do it" },
      headers: { ActivityId: "act-1", "X-GitHub-Request-Id": "req-1" },
    });
    expect(await bench.run(bench.service.createSession(7, "host"))).toEqual({
      ok: false,
      failure: {
        reason: "refused",
        message:
          "createSession (scale set 7), POST https://ghes.test/tenant/_apis/runtime/" +
          "runnerscalesets/7/sessions: status 400: CSharpExceptionNameHere: could not do it",
        status: 400,
        typeName: "CSharpExceptionNameHere, Some.Assembly",
        activityId: "act-1",
        requestId: "req-1",
      },
    });
  });

  test.each([
    ["", "empty body"],
    ["plain words", "plain words"],
    ["{not json", "{not json"],
    ["[]", "[]"],
    ["x".repeat(9_000), "xxx"],
  ])("of the body %j is told in a few words", async (body, words) => {
    const bench = await createReadyBench();
    bench.server.next({ status: 404, body, headers: { "Content-Type": "text/plain" } });
    const failed = await bench.run(bench.service.findRunnerGroup("g"));
    if (failed.ok) throw new Error("it was refused");
    expect(failed.failure.message).toContain(`status 404: ${words}`);
    expect(failed.failure.message.length).toBeLessThan(500);
  });

  test("shows no secret, whoever repeats it: token, query, registration token (I20)", async () => {
    const bench = createBench({
      credential: () => Promise.resolve({ kind: "pat", token: "canary-pat-value" }),
    });
    const { service, server, run, lines } = bench;
    // A server that echoes the header it was sent, behind enough text that a cut would halve it.
    const echo = ({ headers, url }: { headers: Record<string, string>; url: string }) => ({
      status: 400,
      body: `${"a".repeat(250)} you sent ${headers["Authorization"]} to ${url}`,
    });
    server.auth.always(echo);
    const first = await run(service.findRunner(1));
    server.auth.always(undefined);
    await bench.clock.runFor(60_000);
    server.always(echo);
    const second = await run(service.findRunner(1));
    const third = await run(service.poll(queue, { lastMessageId: 0, maxCapacity: 1 }));
    const breaks = new Error(`connect to ${queue.queueUrl} failed`);
    server.always({ status: 0, breaks });
    const fourth = await run(service.poll(queue, { lastMessageId: 0, maxCapacity: 1 }));
    const written = JSON.stringify([first, second, third, fourth, lines]);
    expect(written).not.toMatch(/canary|s1gnature|eyJ/);
    expect(written).toContain("you sent");
    expect(redactText("eyJhbGci.eyJleHAi.sig")).not.toContain("eyJ");
  });

  test("of a body that holds a token does not quote it", async () => {
    const bench = await createReadyBench();
    const body = '{"sessionId":"a","messageQueueAccessToken":"canary", broken';
    bench.server.next({ status: 200, body });
    const failed = await bench.run(bench.service.refreshSession(7, "3f0c"));
    expect(failed).toMatchObject({ failure: { reason: "unreadable" } });
    expect(JSON.stringify(failed)).not.toContain("canary");
  });
});
