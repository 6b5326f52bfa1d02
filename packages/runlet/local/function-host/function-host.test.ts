import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSilentLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { inheritedEnvironment } from "@runlet/runtime/settings-environment";
import { createFunctionHost, type FunctionHost, type HostedFunction } from "./function-host.ts";
import { serveFunctionUrl, serveInvokeApi, type Front } from "./serve-host.ts";

const fixtures = fileURLToPath(new URL("./fixtures/handlers.ts", import.meta.url));
const clock = createSystemClock();
const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0)) await thing.stop();
});

function host(name: string, change: Partial<HostedFunction> = {}): FunctionHost {
  const made = createFunctionHost({
    clock,
    random: createSystemRandom(),
    log: createSilentLog(),
    nodePath: process.execPath,
    parentEnvironment: inheritedEnvironment(),
    retryDelaysMs: [5, 5],
    functions: {
      [name]: {
        handler: `${fixtures}#${name}`,
        timeoutMs: 10_000,
        environment: {},
        onOutput: () => {},
        retries: 0,
        reservedConcurrency: 10,
        ...change,
      },
    },
  });
  open.push(made);
  return made;
}

async function echo(functions: FunctionHost, event: unknown) {
  const result = await functions.invoke("echo", JSON.stringify(event));
  if (!result.ok) throw new Error(result.error);
  return JSON.parse(result.payload) as { event: unknown; pid: number; remainingMs: number };
}

/** One that nobody has waited for yet is dead all the same. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return !["", "Z"].includes(stdout.trim().slice(0, 1));
}

describe("the function host", () => {
  it("hands the event over with a deadline, and reuses a warm container", async () => {
    const functions = host("echo", { timeoutMs: 5_000 });
    const first = await echo(functions, { a: 1 });
    expect(first.event).toEqual({ a: 1 });
    expect(first.remainingMs).toBeGreaterThan(1_000);
    expect(first.remainingMs).toBeLessThanOrEqual(5_000);
    expect((await echo(functions, {})).pid).toBe(first.pid);
  });

  it("gives every invocation under way a container of its own, up to the reserved concurrency", async () => {
    const functions = host("echo", { reservedConcurrency: 2 });
    const pids = await Promise.all(
      Array.from({ length: 6 }, async () => (await echo(functions, {})).pid),
    );
    expect(new Set(pids).size).toBeLessThanOrEqual(2);
    expect(functions.containers().length).toBeLessThanOrEqual(2);
  });

  it("kills the process of an invocation that passes its time limit", async () => {
    const functions = host("hang", { timeoutMs: 300 });
    const result = await functions.invoke("hang", "{}");
    expect(result).toMatchObject({ ok: false, error: expect.stringContaining("Sandbox.Timedout") });
  });

  it("tells of a process that ended in the middle, and starts another for the next", async () => {
    const functions = host("crash");
    for (let n = 0; n < 2; n++) {
      expect(await functions.invoke("crash", "{}")).toMatchObject({
        ok: false,
        error: expect.stringContaining("Runtime.ExitError: exit 3"),
      });
    }
  });

  it("ends the process of an invocation that left an error to nobody, and says so", async () => {
    const functions = host("forgetful");
    expect(await functions.invoke("forgetful", "{}")).toMatchObject({
      ok: false,
      error: expect.stringContaining("Runtime.ExitError: exit 1"),
    });
  });

  it.each([
    [0, 1],
    [2, 3],
  ])(
    "with %i retries tries %i times, then calls the on-failure destination",
    async (retries, tries) => {
      const file = join(mkdtempSync(join(tmpdir(), "runlet-host-")), "tries");
      const failed = new Promise<string>((resolve) => {
        const functions = host("failing", { retries, onFailure: resolve });
        void functions.invokeAsync("failing", JSON.stringify({ file }));
      });
      expect(JSON.parse(await failed)).toEqual({ file });
      expect(readFileSync(file, "utf8").trim().split("\n")).toHaveLength(tries);
    },
  );

  it("calls the on-failure destination at once when the process of an invocation is killed", async () => {
    const failed = new Promise<string>((resolve) => {
      const functions = host("hang", { onFailure: resolve });
      void functions.invokeAsync("hang", "{}");
      const strike = () => {
        const busy = functions.containers().find(({ busyWith }) => busyWith !== undefined);
        if (busy?.pid) process.kill(busy.pid, "SIGKILL");
        else clock.after(10, strike);
      };
      strike();
    });
    expect(await failed).toBe("{}");
  });

  it("answers an invocation that waited behind one whose process was killed", async () => {
    const functions = host("hang", { reservedConcurrency: 1, timeoutMs: 1_500 });
    const first = functions.invoke("hang", "{}");
    const second = functions.invoke("hang", "{}");
    const strike = () => {
      const busy = functions.containers().find(({ busyWith }) => busyWith !== undefined);
      if (busy?.pid) process.kill(busy.pid, "SIGKILL");
      else clock.after(10, strike);
    };
    strike();
    expect(await first).toMatchObject({ ok: false, error: expect.stringContaining("SIGKILL") });
    // It got a container of its own, and ended as this function ends.
    expect(await second).toMatchObject({ ok: false, error: expect.stringContaining("Timedout") });
  });

  it("has ended a container that was just starting when its stop resolves", async () => {
    const functions = host("echo");
    const invoked = functions.invoke("echo", "{}");
    await functions.stop();
    expect(await invoked).toMatchObject({ ok: false });
    for (let turn = 0; turn < 100; turn++) {
      expect(functions.containers()).toEqual([]);
      await new Promise(setImmediate);
    }
  });

  it("that is killed takes its containers along within 2 s, the busy and the idle one", async () => {
    const program = fileURLToPath(new URL("./fixtures/host.ts", import.meta.url));
    const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
    open.push({ stop: async () => void child.kill("SIGKILL") });
    const [said] = (await once(child.stdout, "data")) as [Buffer];
    const pids = JSON.parse(said.toString()) as number[];
    expect(pids.map(isAlive)).toEqual([true, true]);
    const struckAt = clock.nowMs();
    child.kill("SIGKILL");
    while (pids.some(isAlive)) {
      expect(clock.nowMs() - struckAt).toBeLessThan(2_000);
      await clock.sleep(20);
    }
  });

  it("says which export is missing", async () => {
    const functions = host("echo", { handler: `${fixtures}#absent` });
    expect(await functions.invoke("echo", "{}")).toMatchObject({
      ok: false,
      error: expect.stringContaining("exports no function absent"),
    });
  });
});

describe("the fronts of the function host", () => {
  async function serving(make: (functions: FunctionHost) => Promise<Front>, name: string) {
    const front = await make(host(name));
    open.push({ stop: () => front.close() });
    return front.url;
  }

  it("takes asynchronous and synchronous invocations as Lambda's Invoke API does", async () => {
    const url = await serving(serveInvokeApi, "echo");
    const path = `${url}/2015-03-31/functions/echo/invocations`;
    const sync = await fetch(path, { method: "POST", body: '{"x":1}' });
    expect(await sync.json()).toMatchObject({ event: { x: 1 } });
    const event = { "x-amz-invocation-type": "Event" };
    const async = await fetch(path, { method: "POST", body: "{}", headers: event });
    expect(async.status).toBe(202);
    expect((await fetch(`${url}/other`, { method: "POST" })).status).toBe(404);
  });

  it("knows functions by what a deployment calls them, and no others", async () => {
    const url = await serving((functions) => serveInvokeApi(functions, "runlet-prod-"), "echo");
    const call = (name: string) =>
      fetch(`${url}/2015-03-31/functions/${name}/invocations`, { method: "POST", body: "{}" });
    const codes = await Promise.all(
      ["runlet-prod-echo", "echo", "runlet-test-echo"].map(
        async (name) => (await call(name)).status,
      ),
    );
    expect(codes).toEqual([200, 404, 404]);
  });

  it("turns HTTP into a function URL event and the answer back into HTTP", async () => {
    const functions = host("urlEcho");
    const front = await serveFunctionUrl({ host: functions, clock }, "urlEcho", 0);
    open.push({ stop: () => front.close() });
    const headers = { "x-sent": "kept" };
    const answer = await fetch(`${front.url}/webhook?a=b`, {
      method: "POST",
      body: "täxt",
      headers,
    });
    expect(answer.status).toBe(418);
    expect(answer.headers.get("x-seen")).toBe("kept");
    expect(await answer.text()).toBe("a=b täxt");
  });
});
