import { describe, expect, it } from "vitest";
import { createWorld, nothing, type World } from "./reconciler-world.ts";

const user = "system:serviceaccount:default:runlet-reconciler";
const minute = 60_000;
const connected = (world: World) =>
  world.github.control.requests().filter(({ route }) => route === "runnerConnect");

describe("more than one reconciler", () => {
  it("one dies between a runner's Secret and its pod: the next uses that registration, at once", async () => {
    const world = createWorld({ start: false });
    world.start(({ phase, what }, life) => {
      if (phase === "before" && what.startsWith("fetch POST /api/v1/namespaces/runners/pods"))
        life.kill();
    });
    await world.serve("builders");
    await world.order("builders", 1, 1);
    await world.clock.runFor(1_000);
    expect(world.jitSecrets()).toHaveLength(1);
    world.start();
    await world.clock.runUntil(() => world.pods().length === 1, 1_000, "the pod");
    await world.clock.runFor(3_000);
    expect(connected(world).map(({ status }) => status)).toEqual([200]);
    const registered = world.github.control.requests().filter(({ route, status }) => {
      return route === "generateJitConfig" && status === 200;
    });
    expect(registered).toHaveLength(1);
  });

  it("two by mistake, for a day's work: every job runs, nothing left over", async () => {
    const world = createWorld();
    world.start();
    await world.serve("builders");
    for (let order = 1; order <= 5; order++) {
      world.github.control.queueJobs({ scaleSet: "builders", durationMs: 20_000, count: 3 });
      await world.order("builders", 3, order);
      await world.clock.runFor(2 * minute);
      await world.order("builders", 0, 0);
      await world.clock.runFor(minute);
    }
    expect(world.github.control.ledger().counts).toMatchObject({ completed: 15 });
    expect(connected(world).filter(({ status }) => status !== 200)).toEqual([]);
    expect(world.leftovers()).toEqual(nothing);
    await world.deleteSet("builders");
    await world.clock.runFor(minute);
    expect(world.autoscaling()).toEqual([]);
    expect(world.github.control.scaleSets()).toEqual([]);
  });

  it("two by mistake, one finds what the other has just made: it counts as made, and goes with its set", async () => {
    const world = createWorld();
    world.start();
    world.github.control.addFault({ route: "listScaleSets", delayMs: 500, times: 1 });
    await world.serve("builders");
    await world.clock.runFor(5_000);
    await world.deleteSet("builders");
    await world.clock.runFor(minute);
    expect(world.autoscaling()).toEqual([]);
    expect(world.github.control.scaleSets()).toEqual([]);
  });

  it("two by mistake, one slow to keep what it has registered: the other leaves it that", async () => {
    const world = createWorld();
    world.start();
    await world.serve("builders");
    const effect = { kind: "latency", ms: 1_000 } as const;
    world.kube.setFaults([{ user, plural: "secrets", verb: "create", effect, times: 1 }]);
    await world.order("builders", 1, 1);
    await world.clock.runFor(10_000);
    const ids = world.runners().map(({ status }) => status?.runnerId ?? 0);
    const registered = world.github.control.runners().map(({ id }) => id);
    expect(ids.toSorted((a, b) => a - b)).toEqual(registered.toSorted((a, b) => a - b));
    await world.order("builders", 0, 0);
    await world.clock.runFor(10_000);
    expect(world.leftovers()).toEqual(nothing);
  });

  it("a restart over 200 settled runners costs one list a kind, no other call, and no write", async () => {
    const world = createWorld();
    await world.serve("builders");
    await world.order("builders", 200, 1);
    await world.clock.runFor(minute);
    expect(world.runnerSetOf("builders")?.status?.runningEphemeralRunners).toBe(200);
    await world.first?.stop();
    world.kube.clearAuditLog();
    const before = world.github.control.requests().length;
    world.start();
    await world.clock.runFor(2 * minute);
    const calls = world.kube.auditLog().filter(({ userAgent, verb }) => {
      return userAgent.startsWith("runlet-reconciler") && verb !== "watch";
    });
    expect(calls.filter(({ verb }) => !["get", "list"].includes(verb))).toEqual([]);
    expect(calls.length).toBeLessThanOrEqual(10);
    const asked = world.github.control.requests().slice(before);
    const ours = asked.filter(({ route }) => !route.startsWith("runner"));
    expect(ours.length).toBeLessThanOrEqual(3);
  });
});
