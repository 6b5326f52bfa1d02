import { describe, expect, it } from "vitest";
import { createActionsService } from "@runlet/actions-service/client";
import { ephemeralRunners, pods, secrets } from "@runlet/kubernetes/resources";
import { createSilentLog } from "@runlet/runtime/log";
import type { Fault } from "@runlet/simulators/actions-service/faults";
import {
  configUrl,
  createWorld,
  namespace,
  nothing,
  pat,
  runnerSetManifest,
  type World,
} from "./reconciler-world.ts";

const minute = 60_000;
const statusOf = (world: World) => world.runners()[0]?.status;
const registrations = (world: World) =>
  world.github.control.requests().filter(({ route }) => route === "generateJitConfig").length;

/** The service, as somebody else sees it who registers runners. */
function strangerAt(world: World) {
  const { clock, random, github } = world;
  return createActionsService({
    fetch: github.fetch,
    clock,
    random,
    log: createSilentLog(),
    credential: async () => ({ kind: "pat", token: pat }),
    system: { name: "stranger", version: "1", subsystem: "test" },
    configUrl,
    limitMs: 10_000,
  });
}

describe("a registration that the service does not give", () => {
  const route = "generateJitConfig" as const;
  // Each kind strikes three times: no runner may fail, be doubled, or leave a registration.
  const ways: [string, Partial<Fault>][] = [
    ["401, a refused token", { status: 401 }],
    ["403", { status: 403 }],
    ["429 with Retry-After", { status: 429, retryAfter: "20" }],
    ["429 without a word", { status: 429 }],
    ["500", { status: 500 }],
    ["500 after the deed", { status: 500, afterCommit: true }],
    ["503 with Retry-After", { status: 503, retryAfter: "5" }],
    ["a page instead of JSON", { status: 200, body: "<html>", contentType: "text/html" }],
    ["an empty body, the deed done", { answer: "empty-body" }],
    ["a broken body, the deed done", { answer: "broken-json" }],
    ["400, refused", { status: 400, body: "{}" }],
    ["a broken connection before the deed", { drop: "before" }],
    ["a broken connection after the deed", { drop: "after" }],
    ["no answer at all", { hang: true }],
    ["an answer after eight seconds", { delayMs: 8_000 }],
  ];
  for (const [what, fault] of ways) {
    it(`${what}: two runners all the same within 100 s, and nothing left over`, async () => {
      const world = createWorld();
      await world.serve("builders");
      world.github.control.addFault({ route, times: 3, ...fault });
      await world.order("builders", 2, 1);
      const areUp = () => world.runnerSetOf("builders")?.status?.runningEphemeralRunners === 2;
      await world.clock.runUntil(areUp, 100_000, "two runners");
      if (!fault.delayMs) expect(registrations(world)).toBeGreaterThan(2);
      const ids = new Set(world.runners().map(({ status }) => status?.runnerId));
      expect(new Set(world.github.control.runners().map(({ id }) => id))).toEqual(ids);
      expect(world.runners().flatMap(({ status }) => Object.keys(status?.failures ?? {}))).toEqual(
        [],
      );
      await world.deleteSet("builders");
      await world.clock.runFor(10_000);
      expect(world.leftovers()).toEqual(nothing);
    });
  }

  it("says why on the runner once it has failed twice, and takes it back", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.github.control.addFault({ route, status: 500, times: 4, body: "Sorry" });
    await world.order("builders", 1, 1);
    const isShown = () => statusOf(world)?.reason === "RegistrationFailed";
    await world.clock.runUntil(isShown, 5_000, "the reason");
    expect(statusOf(world)?.message).toMatch(/registering runner builders-.*500/);
    const isUp = () => statusOf(world)?.phase === "Running";
    await world.clock.runUntil(isUp, 30_000, "the runner");
    expect(statusOf(world)?.reason ?? "").toBe("");
  });

  it("asks no faster than its back-off: an hour of refusals is a hundred calls, not thousands", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.github.control.addFault({ route, status: 500, times: 100_000 });
    await world.order("builders", 1, 1);
    await world.clock.runFor(60 * minute);
    expect(registrations(world)).toBeLessThan(130);
    const writes = world.kube.auditLog().filter(({ plural, verb, subresource }) => {
      return plural === "ephemeralrunners" && verb === "patch" && subresource === "status";
    });
    expect(writes.length).toBeLessThanOrEqual(2);
  });
});

describe("a name that is taken", () => {
  async function orderWithout(world: World) {
    await world.serve("builders");
    world.github.control.addFault({ route: "generateJitConfig", drop: "before", times: 1 });
    await world.order("builders", 1, 1);
    const exists = () => world.runners().length === 1;
    await world.clock.runUntil(exists, 1_000, "the runner");
    return world.runners()[0]?.metadata.name ?? "";
  }

  it("by a runner of another scale set: that one stays, ours makes room for one with another name", async () => {
    const world = createWorld();
    world.kube.applyManifests(runnerSetManifest("foreign"));
    const name = await orderWithout(world);
    const foreign = world.github.control.findScaleSet("foreign");
    const made = await strangerAt(world).generateJitConfig(foreign?.id ?? 0, {
      name,
      workFolder: "",
    });
    expect(made.ok).toBe(true);
    await world.order("builders", 1, 2);
    await world.clock.runFor(30_000);
    await world.order("builders", 1, 3);
    await world.clock.runFor(10_000);
    const names = world.github.control.runners().map((one) => one.name);
    expect(names).toContain(name);
    expect(world.runners()).toHaveLength(1);
    expect(world.runners()[0]?.metadata.name).not.toBe(name);
    expect(statusOf(world)?.phase).toBe("Running");
  });

  it("by a busy runner of our own set: it keeps its job and its registration", async () => {
    const world = createWorld();
    const name = await orderWithout(world);
    const set = world.github.control.findScaleSet("builders");
    const service = strangerAt(world);
    const made = await service.generateJitConfig(set?.id ?? 0, { name, workFolder: "" });
    const id = made.ok ? made.value.runner.id : 0;
    // A job on it: the service refuses to remove it.
    world.github.control.addFault({
      route: "removeRunner",
      status: 400,
      times: 100,
      body: '{"typeName":"JobStillRunningException","message":"a job is running"}',
    });
    await world.clock.runFor(20_000);
    expect(world.github.control.runners().map((one) => one.id)).toContain(id);
    expect(world.runners().every(({ metadata }) => metadata.deletionTimestamp)).toBe(true);
  });
});

describe("a runner that is deleted while the service does not agree", () => {
  it("a job is running: the runner says so, and goes when the job has ended", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 5 * minute });
    await world.order("builders", 1, 1);
    await world.clock.runFor(3_000);
    const name = world.runners()[0]?.metadata.name ?? "";
    await world.admin.remove(ephemeralRunners, { namespace, name });
    await world.clock.runFor(2_000);
    expect(statusOf(world)).toMatchObject({ reason: "JobRunning" });
    expect(statusOf(world)?.message).toMatch(/job has ended/);
    const asked = () =>
      world.github.control.requests().filter(({ route }) => route === "removeRunner").length;
    const before = asked();
    await world.clock.runFor(4 * minute);
    expect(asked() - before).toBeLessThanOrEqual(9);
    expect(world.pods()).toHaveLength(1);
    await world.clock.runFor(2 * minute);
    expect(world.github.control.ledger().jobs[0]?.outcome).toBe("succeeded");
    expect(world.leftovers()).toEqual(nothing);
  });

  it("the service is down for good and the pod has ended: an hour, an event, and it is gone", async () => {
    const world = createWorld();
    await world.serve("builders");
    await world.order("builders", 1, 1);
    await world.clock.runFor(3_000);
    world.github.control.addFault({ route: "*", status: 503, times: 1_000_000 });
    const name = world.runners()[0]?.metadata.name ?? "";
    await world.admin.remove(ephemeralRunners, { namespace, name });
    await world.clock.runFor(2 * 60 * minute);
    // Its pod may be at work: nobody can say, so it stays as long as the pod does.
    expect(world.runners()).toHaveLength(1);
    expect(world.pods()).toHaveLength(1);
    await world.admin.remove(pods, { namespace, name });
    await world.clock.runFor(2 * minute);
    expect(world.runners()).toEqual([]);
    expect(world.events().map(({ reason }) => reason)).toContain("RegistrationAbandoned");
    const asked = world.github.control.requests().filter(({ route }) => route === "removeRunner");
    expect(asked.length).toBeLessThan(2 * 60 * 4);
  });

  it("the credential is gone while a job runs: the job is finished first, then all goes", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 40 * minute });
    await world.order("builders", 2, 1);
    await world.clock.runFor(5_000);
    await world.tellJobs();
    await world.admin.remove(secrets, { namespace, name: "github-secret" });
    world.github.control.expireAdminTokens();
    for (const { metadata } of world.runners())
      await world.admin.remove(ephemeralRunners, { namespace, name: metadata.name });
    await world.deleteSet("builders");
    await world.clock.runFor(30 * minute);
    // The idle one is given up after ten minutes.
    expect(world.pods()).toHaveLength(1);
    await world.clock.runFor(15 * minute);
    expect(world.github.control.ledger().jobs[0]?.outcome).toBe("succeeded");
    expect(world.runners()).toEqual([]);
    expect(world.pods()).toEqual([]);
  });

  it("the service is down for half an hour: nothing is given up", async () => {
    const world = createWorld();
    await world.serve("builders");
    await world.order("builders", 3, 1);
    await world.clock.runFor(3_000);
    world.github.control.addFault({ route: "*", status: 503, times: 1_000_000 });
    await world.deleteSet("builders");
    await world.clock.runFor(30 * minute);
    world.github.control.clearFaults();
    await world.clock.runFor(2 * minute);
    expect(world.leftovers()).toEqual(nothing);
    expect(world.autoscaling()).toEqual([]);
    expect(world.github.control.scaleSets()).toEqual([]);
    expect(world.events().map(({ reason }) => reason)).not.toContain("RegistrationAbandoned");
  });

  it("the right to look for what its job made is missing: ten minutes, an event, and it is gone", async () => {
    const world = createWorld();
    const hooks = "env: [{ name: ACTIONS_RUNNER_CONTAINER_HOOKS, value: x }] }";
    world.kube.applyManifests(runnerSetManifest("builders").replace(/ }\n$/m, `, ${hooks}\n`));
    await world.clock.runFor(3_000);
    await world.order("builders", 1, 1);
    await world.clock.runFor(3_000);
    const user = "system:serviceaccount:default:runlet-reconciler";
    const effect = { kind: "status", status: 403 } as const;
    world.kube.setFaults([{ user, verb: "list", plural: "secrets", effect }]);
    await world.deleteSet("builders");
    await world.clock.runFor(9 * minute);
    expect(world.runners()).toHaveLength(1);
    await world.clock.runFor(3 * minute);
    expect(world.events().map(({ reason }) => reason)).toContain("JobPodsAbandoned");
    expect(world.autoscaling()).toEqual([]);
    expect(world.leftovers()).toEqual(nothing);
  });

  it("deleted in any order – pod, Secret, runner, set –: nothing is left over within a minute", async () => {
    const world = createWorld();
    await world.serve("builders");
    const kinds = ["pods", "secrets", "ephemeralrunners"] as const;
    const orders = kinds.flatMap((a) => kinds.map((b) => [a, b] as const));
    for (const [index, order] of orders.entries()) {
      await world.order("builders", 1, index + 1);
      await world.clock.runFor(3_000);
      const name = world.runners()[0]?.metadata.name ?? "";
      for (const plural of order) {
        const group = plural === "ephemeralrunners" ? "actions.github.com" : "";
        const version = group === "" ? "v1" : "v1alpha1";
        const kind = { group, version, plural, kind: "", namespaced: true };
        await world.admin.remove(kind, { namespace, name });
        await world.clock.runFor(200);
      }
      await world.order("builders", 0, 0);
      await world.clock.runFor(50_000);
      expect(world.leftovers(), order.join(", ")).toEqual(nothing);
    }
  });
});
