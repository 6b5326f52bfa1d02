// Why: the simulator plays every kill at every line; here a few of the same misfortunes strike the real thing: the
// reconciler's process, a real API server, a real etcd. Which moments they strike is drawn from a seed.
import { autoscalingRunnerSets } from "@runlet/kubernetes/resources";
import { createSeededRandom, createSystemRandom } from "@runlet/runtime/random";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { namespace, nothing, startReconcilerBed, type ReconcilerBed } from "./reconciler-bed.ts";
import type { ReconcilerProcess } from "./reconciler-process.ts";
import { startWriteProxy, type WriteProxy } from "./write-proxy.ts";

const seed = Number(process.env["RUNLET_SEED"] ?? createSystemRandom().int(1_000_000));
const random = createSeededRandom(seed);

/** From the end of a fault until everything is as it was ordered. */
const recoveryMs = 60_000;

let bed: ReconcilerBed;
let proxy: WriteProxy;
let reconciler: ReconcilerProcess;
let patchId = 0;

const running = async () =>
  (await bed.runners()).filter(({ status }) => status?.phase === "Running").length;

async function restart() {
  reconciler = await bed.startReconciler([], proxy);
}

/** Kills the reconciler at one of its next `most` writes, before it has its effect or after. */
async function killAtWrite(most: number, begin: () => Promise<unknown>) {
  const when = random.int(2) === 0 ? "before" : "after";
  const struck = proxy.atWrite(1 + random.int(most), when, () => reconciler.signal("SIGKILL"));
  await begin();
  await struck;
  expect(await reconciler.ended).toBe("SIGKILL");
}

beforeAll(async () => {
  // The quota leaves room for what Kubernetes writes by itself, and is filled by the test.
  bed = await startReconcilerBed({ plane: { etcdQuotaBytes: 24 * 1024 * 1024 } });
  proxy = await startWriteProxy(bed.plane);
  await restart();
}, 180_000);

afterAll(async () => {
  proxy?.close();
  await bed?.stop();
});

afterEach(async () => {
  const left = async () => JSON.stringify(await bed.leftovers()) === JSON.stringify(nothing);
  await bed.eventually("nothing left", left, recoveryMs).catch(() => {});
  expect(await bed.leftovers()).toEqual(nothing);
  reconciler.signal("SIGKILL");
  await restart();
}, 100_000);

/** Serves a set, lets `strike` order so many runners and do its worst, and sees the set through to its deletion. */
async function play(
  replicas: number,
  strike: (order: () => Promise<void>) => Promise<void>,
  end: () => Promise<unknown> = remove,
) {
  onTestFailed(() => console.error(`seed ${seed}: set RUNLET_SEED to play it again`));
  await bed.serve("builders", "  maxRunners: 30");
  patchId = 0;
  await strike(() => bed.order("builders", replicas, ++patchId));
  await bed.eventually(
    `${replicas} runners`,
    async () => (await running()) === replicas,
    recoveryMs,
  );
  expect(await bed.runners()).toHaveLength(replicas);
  expect(bed.github.control.runners()).toHaveLength(replicas);
  await end();
}

const remove = () => bed.admin.remove(autoscalingRunnerSets, { namespace, name: "builders" });

/** An order that is under way when something strikes later than any single write. */
async function begin(order: () => Promise<void>) {
  await order();
  await bed.clock.sleep(random.int(1_500));
}

describe(`a real cluster (seed ${seed})`, { timeout: 200_000 }, () => {
  test.each([1, 2])("kill %i, in the middle of registering a set", async () => {
    // Finalizer, mark, id, runner set, status: before the fifth it cannot be served.
    const served = Promise.withResolvers<void>();
    await killAtWrite(4, async () => {
      bed.serve("builders").then(served.resolve, served.reject);
    });
    expect((await bed.setOf("builders"))?.status?.phase).not.toBe("Running");
    await restart();
    await served.promise;
    expect(bed.github.control.scaleSets()).toHaveLength(1);
    await remove();
  });

  test.each([1, 2, 3, 4, 5, 6])("kill %i, in the middle of making runners", async () => {
    const replicas = 4 + random.int(8);
    await play(replicas, async (order) => {
      // A runner takes four writes at least: itself, its Secret, its pod, its status.
      await killAtWrite(3 * replicas, order);
      expect(await running()).toBeLessThan(replicas);
      await restart();
    });
  });

  test.each([1, 2, 3])("kill %i, in the middle of deleting the set", async () => {
    const replicas = 4 + random.int(8);
    // Each runner takes two writes at least: its deletion and its finalizers.
    const deletion = () => killAtWrite(replicas, remove);
    await play(replicas, (order) => order(), deletion);
    expect(await bed.runners()).not.toEqual([]);
    await restart();
  });

  test("three kills in a row", async () => {
    await play(10, async (order) => {
      for (const begin of [order, restart, restart]) {
        await killAtWrite(10, begin);
        expect(await running()).toBeLessThan(10);
      }
      await restart();
    });
  });

  test("two reconcilers by mistake make at most twice as many, and the next order to shrink heals it", async () => {
    const second = await bed.startReconciler();
    await second.until("reconciler_ready");
    await bed.serve("builders", "  maxRunners: 30");
    await bed.order("builders", 12, 1);
    await bed.eventually("twelve runners", async () => (await running()) >= 12, recoveryMs);
    await bed.clock.sleep(1_000);
    expect((await bed.runners()).length).toBeLessThanOrEqual(24);
    await bed.order("builders", 5, 0);
    const five = async () => (await running()) === 5 && (await bed.runners()).length === 5;
    await bed.eventually("five of them to stay", five, recoveryMs);
    await bed.admin.remove(autoscalingRunnerSets, { namespace, name: "builders" });
    await bed.eventually("the set to go", async () => (await bed.setOf("builders")) === undefined);
    second.signal("SIGTERM");
    expect(await second.ended).toBe(0);
  });

  test("an API server that hangs for a while", async () => {
    await play(8, async (order) => {
      await begin(order);
      bed.plane.apiServer.signal("SIGSTOP");
      await bed.clock.sleep(15_000);
      bed.plane.apiServer.signal("SIGCONT");
    });
  });

  test("an API server that is away for a minute: it is unready, alive, and goes on", async () => {
    await play(8, async (order) => {
      await begin(order);
      await bed.plane.restartApiServer(async () => {
        await bed.clock.sleep(65_000);
        expect((await reconciler.page("/healthz")).status).toBe(200);
        expect((await reconciler.page("/readyz")).status).toBe(503);
      });
    });
    const isReady = async () => (await reconciler.page("/readyz")).status === 200;
    await bed.eventually("readiness", isReady, 10_000);
  });

  test("an etcd that is full", async () => {
    await play(8, async (order) => {
      await begin(order);
      const fill = await fillEtcd();
      await bed.order("builders", 8, ++patchId).catch(() => {});
      await bed.clock.sleep(10_000);
      expect((await reconciler.page("/healthz")).status).toBe(200);
      await fill.remove();
      const ordered = () => bed.order("builders", 8, ++patchId).then(() => true);
      await bed.eventually("room for an order", ordered, recoveryMs);
    });
  });
});

/** Writes until etcd raises its alarm, then undoes it all (etcd.io, "Space quota"). */
async function fillEtcd() {
  const base = bed.plane.etcdUrl;
  const post = async (path: string, body: object) => {
    const response = await fetch(`${base}${path}`, { method: "POST", body: JSON.stringify(body) });
    return { ok: response.ok, answer: (await response.json()) as Record<string, unknown> };
  };
  const encode = (text: string) => Buffer.from(text).toString("base64");
  const value = encode("x".repeat(1_000_000));
  const keys: string[] = [];
  for (;;) {
    const key = encode(`filler/${keys.length}`);
    if (!(await post("/v3/kv/put", { key, value })).ok) break;
    keys.push(key);
  }
  return {
    async remove() {
      const range = { key: encode("filler/"), range_end: encode("filler0") };
      await post("/v3/kv/deleterange", range);
      const { answer } = await post("/v3/kv/range", { key: encode("none") });
      const { revision } = answer["header"] as { revision: string }; // etcd's ResponseHeader
      await post("/v3/kv/compaction", { revision, physical: true });
      await post("/v3/maintenance/defragment", {});
      const { alarms } = (await post("/v3/maintenance/alarm", { action: "GET" })).answer;
      // etcd's AlarmResponse: who raised it must be named.
      for (const alarm of alarms as object[])
        await post("/v3/maintenance/alarm", { ...alarm, action: "DEACTIVATE" });
    },
  };
}
