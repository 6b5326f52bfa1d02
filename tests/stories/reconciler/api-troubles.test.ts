import { describe, expect, it } from "vitest";
import type { PodPlan } from "@runlet/simulators/kubelet/scenario";
import type { Fault } from "@runlet/simulators/kube-api/faults";
import { createWorld, namespace, nothing, type World } from "./reconciler-world.ts";

const user = "system:serviceaccount:default:runlet-reconciler";
const minute = 60_000;
const connected = (world: World) =>
  world.github.control.requests().filter(({ route }) => route === "runnerConnect");

/** Three runners, three jobs of half a minute, trouble in the middle; all must be over two minutes later. */
async function playThrough(trouble: (world: World) => Promise<void>) {
  const world = createWorld();
  await world.serve("builders");
  world.github.control.queueJobs({ scaleSet: "builders", durationMs: 30_000, count: 3 });
  await world.order("builders", 3, 1);
  await world.clock.runFor(1_000);
  await trouble(world);
  world.kube.setFaults([]);
  await world.clock.runFor(2 * minute);
  expect(world.github.control.ledger().counts).toMatchObject({ completed: 3 });
  expect(world.leftovers()).toEqual(nothing);
  await leave(world);
  return world;
}

/** The set is deleted; a minute later nothing of it is left. */
async function leave(world: World) {
  await world.deleteSet("builders");
  await world.clock.runFor(minute);
  expect(world.leftovers()).toEqual(nothing);
  expect(world.autoscaling()).toEqual([]);
  expect(world.github.control.scaleSets()).toEqual([]);
}

describe("a Kubernetes API in trouble: every job runs, nothing is left over two minutes later", () => {
  const writes = ["create", "patch", "delete"];
  const refusals = (status: number, more: Partial<Fault["effect"]> = {}): Fault[] =>
    writes.map((verb) => ({ user, verb, effect: { kind: "status", status, ...more } }) as Fault);

  it("away for a minute, its watches cut", async () => {
    await playThrough(async (world) => {
      world.kube.setFaults([{ user, effect: { kind: "unreachable" } }]);
      world.kube.cutWatches({ broken: true });
      await world.clock.runFor(minute);
    });
  });

  const refused: [string, Fault[]][] = [
    ["writes are refused for a minute (etcd is full)", refusals(500, {})],
    ["writes are throttled for a minute", refusals(429, { retryAfterSeconds: 3 })],
    ["every write conflicts for a minute", refusals(409)],
    [
      "every call takes four seconds for a minute",
      [{ user, effect: { kind: "latency", ms: 4_000 } }],
    ],
  ];
  for (const [what, faults] of refused) {
    it(what, async () => {
      await playThrough(async (world) => {
        world.kube.setFaults(faults);
        await world.clock.runFor(minute);
      });
    });
  }

  it("a watch is cut and its history gone (410): what vanished meanwhile is noticed", async () => {
    await playThrough(async (world) => {
      world.kube.setFaults([{ user, verb: "watch", effect: { kind: "unreachable" } }]);
      world.kube.cutWatches({ broken: true });
      await world.clock.runFor(35_000);
      world.kube.compact(0);
      world.kube.setFaults([]);
      await world.clock.runFor(10_000);
    });
  });

  it("the cache of pods is a minute old while runners end and new ones are ordered", async () => {
    const world = await playThrough(async (w) => {
      w.kube.setFaults([{ user, verb: "watch", plural: "pods", effect: { kind: "silence" } }]);
      w.kube.cutWatches({ plural: "pods", broken: true });
      await w.order("builders", 3, 2);
      await w.clock.runFor(minute);
    });
    // A registration was never given to a second pod.
    expect(connected(world).filter(({ status }) => status !== 200)).toEqual([]);
  });

  it("the cache of runners is a minute old", async () => {
    await playThrough(async (world) => {
      const plural = "ephemeralrunners";
      world.kube.setFaults([{ user, verb: "watch", plural, effect: { kind: "silence" } }]);
      world.kube.cutWatches({ plural, broken: true });
      await world.clock.runFor(minute);
    });
  });
});

describe("an admission webhook", () => {
  const denial = (status: number, message: string): Fault => ({
    user,
    verb: "create",
    plural: "pods",
    effect: { kind: "status", status, message },
  });

  it("that refuses pods: Failed in its words, no registration stays, capacity comes back slowly", async () => {
    for (const status of [400, 403, 422]) {
      const world = createWorld();
      await world.serve("builders");
      const words = 'admission webhook "policy.example.com" denied the request: no latest tags';
      world.kube.setFaults([denial(status, words)]);
      await world.order("builders", 2, 1);
      await world.clock.runFor(3_000);
      for (const runner of world.runners()) {
        const { phase, reason, message } = runner.status ?? {};
        expect({ phase, reason }, `${status}`).toEqual({ phase: "Failed", reason: "InvalidPod" });
        expect(message).toContain(words);
      }
      expect(world.runners()).toHaveLength(2);
      expect(world.github.control.runners()).toEqual([]);
      expect(world.jitSecrets()).toEqual([]);
      expect(world.events().some(({ message }) => message.includes(words))).toBe(true);
      world.kube.setFaults([]);
      await world.clock.runFor(20 * minute);
      await world.order("builders", 2, 2);
      await world.clock.runFor(5 * minute);
      expect(world.runnerSetOf("builders")?.status?.runningEphemeralRunners).toBe(2);
      await leave(world);
    }
  });

  it("that is down (500): waited for, with one registration a runner", async () => {
    const world = createWorld();
    await world.serve("builders");
    const words = 'failed calling webhook "policy.example.com": connection refused';
    world.kube.setFaults([denial(500, words)]);
    await world.order("builders", 2, 1);
    await world.clock.runFor(5 * minute);
    const attempts = world.kube
      .auditLog()
      .filter(({ verb, plural }) => verb === "create" && plural === "pods").length;
    expect(attempts).toBeLessThan(40);
    world.kube.setFaults([]);
    await world.clock.runFor(minute);
    expect(world.runnerSetOf("builders")?.status?.runningEphemeralRunners).toBe(2);
    const registered = world.github.control.requests().filter(({ route }) => {
      return route === "generateJitConfig";
    });
    expect(registered).toHaveLength(2);
    await leave(world);
  });
});

describe("a runner's Secret that the cluster refuses", () => {
  const create = { user, verb: "create", plural: "secrets" };

  it("by quota: told as refused, no registration kept, tried twice a minute, for ten minutes", async () => {
    const world = createWorld();
    await world.serve("builders");
    const message =
      "exceeded quota: few, requested: secrets=1, used: secrets=9, limited: secrets=9";
    const effect = { kind: "status", status: 403, message } as const;
    world.kube.setFaults([{ ...create, effect }]);
    await world.order("builders", 2, 1);
    await world.clock.runFor(5 * minute);
    for (const { status } of world.runners()) expect(status?.reason).toBe("QuotaExceeded");
    expect(world.github.control.runners()).toEqual([]);
    const registered = world.github.control.requests().filter(({ route }) => {
      return route === "generateJitConfig";
    });
    expect(registered.length).toBeLessThanOrEqual(24);
    await world.clock.runFor(7 * minute);
    expect(world.leftovers()).toEqual(nothing);
  });

  it("by a webhook: Failed in its words", async () => {
    const world = createWorld();
    await world.serve("builders");
    const message = 'admission webhook "policy.example.com" denied the request: no plain secrets';
    world.kube.setFaults([{ ...create, effect: { kind: "status", status: 403, message } }]);
    await world.order("builders", 1, 1);
    await world.clock.runFor(5_000);
    expect(world.runners()[0]?.status).toMatchObject({ phase: "Failed", reason: "InvalidSecret" });
    expect(world.runners()[0]?.status?.message).toContain(message);
    expect(world.github.control.runners()).toEqual([]);
    await leave(world);
  });
});

describe("a pod of the runner's name that is somebody else's", () => {
  it("stays as it is; the runner is Failed and says so", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.kube.setFaults([
      { user, verb: "create", plural: "pods", effect: { kind: "unreachable" }, times: 1 },
    ]);
    await world.order("builders", 1, 1);
    await world.clock.runUntil(() => world.runners().length === 1, 1_000, "the runner");
    const name = world.runners()[0]?.metadata.name ?? "";
    world.kube.applyManifests(`
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace} }
spec: { containers: [{ name: main, image: x }] }
`);
    await world.clock.runFor(10_000);
    expect(world.runners()[0]?.status).toMatchObject({ phase: "Failed", reason: "InvalidPod" });
    expect(world.pods().map(({ metadata }) => metadata.name)).toEqual([name]);
    expect(world.github.control.runners()).toEqual([]);
  });
});

describe("a clock that is ten minutes wrong", () => {
  for (const skewMs of [-10 * minute, 10 * minute]) {
    it(`${skewMs < 0 ? "behind" : "ahead"}: a pod that fails, one that is evicted, a job, a deletion`, async () => {
      let pod = 0;
      const dies: Partial<PodPlan> = { runner: { kind: "exits", exitCode: 1, afterMs: 100 } };
      const world = createWorld({ skewMs, scenario: () => (pod++ === 0 ? dies : {}) });
      await world.serve("builders");
      await world.order("builders", 1, 1);
      const runs = () => world.github.control.runners()[0]?.state === "idle";
      await world.clock.runUntil(runs, 20_000, "the second pod");
      const name = world.pods()[0]?.metadata.name ?? "";
      world.kubelet.faults.evict({ namespace, name });
      await world.clock.runUntil(() => !runs(), 5_000, "the eviction");
      await world.clock.runUntil(runs, 30_000, "the third pod");
      world.github.control.queueJobs({ scaleSet: "builders", durationMs: 5 * minute });
      await world.clock.runFor(5_000);
      await world.deleteSet("builders");
      await world.clock.runFor(4 * minute);
      expect(world.pods()).toHaveLength(1);
      await world.clock.runFor(2 * minute);
      expect(world.github.control.ledger().jobs[0]?.outcome).toBe("succeeded");
      expect(world.leftovers()).toEqual(nothing);
      expect(world.autoscaling()).toEqual([]);
    });
  }
});

describe("an order of hundreds", () => {
  it("over calls that hang is no pass that hangs: the reconciler counts as alive", async () => {
    const world = createWorld();
    await world.serve("builders");
    const effect = { kind: "latency", ms: 15_000 } as const;
    const faults: Fault[] = [
      { user, plural: "ephemeralrunners", verb: "create", effect },
      { user, plural: "ephemeralrunners", verb: "get", effect },
    ];
    world.kube.setFaults(faults);
    await world.order("builders", 600, 1);
    for (let minutes = 0; minutes < 20; minutes++) {
      await world.clock.runFor(60_000);
      expect(world.first?.reconciler.health().stuck).toBeUndefined();
    }
    world.kube.setFaults([]);
    const all = () => world.runners().length === 600;
    await world.clock.runUntil(all, 60_000, "600 runners");
  });

  it("ends within two seconds of SIGTERM, with what had begun", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.kube.setFaults([{ user, effect: { kind: "latency", ms: 200 } }]);
    await world.order("builders", 1_500, 1);
    await world.clock.runFor(3_000);
    const before = world.runners().length;
    expect(before).toBeGreaterThan(50);
    let ended = false;
    void world.first?.stop().then(() => (ended = true));
    await world.clock.runFor(2_000);
    expect(ended).toBe(true);
    expect(world.runners().length).toBeLessThanOrEqual(before + 16);
  });
});
