import { describe, expect, it } from "vitest";
import { ephemeralRunners, pods, secrets } from "@runlet/kubernetes/resources";
import type { PodPlan } from "@runlet/simulators/kubelet/scenario";
import {
  createWorld,
  namespace,
  nothing,
  runnerSetManifest,
  type World,
} from "./reconciler-world.ts";

const minute = 60_000;
const works: Partial<PodPlan> = { runner: { kind: "works" } };

/** One runner, whose pods go as planned, the last plan for all further ones. */
async function serveOne(plans: Partial<PodPlan>[], manifest = runnerSetManifest("builders")) {
  let pod = 0;
  const world = createWorld({ scenario: () => plans[Math.min(pod++, plans.length - 1)] ?? {} });
  world.kube.applyManifests(manifest);
  const isServed = () => world.runnerSetOf("builders")?.status?.phase === "Running";
  await world.clock.runUntil(isServed, 5_000, "the set");
  await world.order("builders", 1, 1);
  return world;
}

const statusOf = (world: World) => world.runners()[0]?.status;
const failuresOf = (world: World) => Object.keys(statusOf(world)?.failures ?? {}).length;
const registrations = (world: World) =>
  world.github.control.requests().filter(({ route }) => route === "generateJitConfig").length;

const withInit = (init: string) =>
  `${runnerSetManifest("builders")}      initContainers: [${init}]\n`;

describe("init containers", () => {
  it("one that fails: counted in its words, tried again, then the runner runs", async () => {
    const init = withInit("{ name: prepare, image: tools }");
    const world = await serveOne([{ initExitCodes: [3] }, works], init);
    await world.clock.runUntil(() => failuresOf(world) === 1, 3_000, "the failure");
    expect(statusOf(world)).toMatchObject({ phase: "Pending", reason: "InitContainerFailed" });
    expect(statusOf(world)?.message).toBe("init container prepare ended with exit code 3");
    const runs = () => statusOf(world)?.phase === "Running";
    await world.clock.runUntil(runs, 10_000, "the second pod");
    expect(registrations(world)).toBe(2);
    expect(world.github.control.runners()).toHaveLength(1);
  });

  it("a native side-car that dies and is started again costs the runner nothing", async () => {
    const world = await serveOne(
      [works],
      withInit("{ name: dind, image: 'docker:dind', restartPolicy: Always }"),
    );
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 10_000 });
    await world.clock.runFor(4_000);
    const name = world.pods()[0]?.metadata.name ?? "";
    expect(world.kubelet.faults.exit({ namespace, name }, 2, "dind")).toBe(true);
    await world.clock.runFor(20_000);
    expect(world.github.control.ledger().jobs[0]?.outcome).toBe("succeeded");
    expect(registrations(world)).toBe(1);
    expect(world.leftovers()).toEqual(nothing);
  });
});

describe("a pod that does not come up", () => {
  it("an image that cannot be pulled: shown within seconds, counted after 45 minutes", async () => {
    const world = await serveOne([{ pullFailuresCount: Infinity }, works]);
    await world.clock.runFor(10_000);
    expect(statusOf(world)).toMatchObject({ phase: "Pending", ready: false });
    expect(statusOf(world)?.reason).toMatch(/ErrImagePull|ImagePullBackOff/);
    await world.clock.runFor(44 * minute);
    expect(failuresOf(world)).toBe(0);
    await world.clock.runFor(2 * minute);
    expect(failuresOf(world)).toBe(1);
    expect(statusOf(world)?.phase).toBe("Running");
    expect(world.github.control.runners()).toHaveLength(1);
  });

  it.for(["deleted", "emptied"])(
    "its Secret is %s before it has started: registered anew at once",
    async (how) => {
      const world = await serveOne([{ imagePullMs: 5_000 }, works]);
      await world.clock.runFor(2_000);
      const key = { namespace, name: world.runners()[0]?.metadata.name ?? "" };
      if (how === "deleted") await world.admin.remove(secrets, key);
      else await world.admin.patch(secrets, key, { type: "merge", body: { data: null } });
      await world.clock.runUntil(() => failuresOf(world) === 1, 10_000, "the failure");
      expect(statusOf(world)?.reason).toBe("SecretMissing");
      await world.clock.runFor(20_000);
      expect(statusOf(world)?.phase).toBe("Running");
      expect(world.github.control.runners().map(({ state }) => state)).toEqual(["idle"]);
    },
  );

  it("one that no node takes: shown after a minute with the scheduler's words", async () => {
    const unschedulable = "0/3 nodes are available: 3 Insufficient cpu.";
    const world = await serveOne([{ unschedulable }]);
    await world.clock.runFor(50_000);
    expect(statusOf(world)?.reason ?? "").toBe("");
    await world.clock.runFor(20_000);
    expect(statusOf(world)).toMatchObject({ reason: "Unschedulable", message: unschedulable });
    await world.order("builders", 0, 0);
    await world.clock.runFor(5_000);
    expect(world.leftovers()).toEqual(nothing);
  });

  it("its node dies meanwhile and the counted pod never goes: the runner does, in bounded time", async () => {
    const world = await serveOne([{ pullFailuresCount: Infinity }]);
    await world.clock.runFor(5_000);
    // Nobody notices the loss: the pod's end is ordered by us alone, and no kubelet confirms it.
    world.kubelet.faults.loseNode("node-1", { noticedMs: Infinity, evictedMs: Infinity });
    await world.clock.runFor(46 * minute);
    expect(world.pods()[0]?.metadata.deletionTimestamp).toBeDefined();
    await world.clock.runFor(2 * minute);
    expect(world.runners()).toEqual([]);
    expect(world.github.control.runners()).toEqual([]);
  });
});

describe("a pod that is deleted but held", () => {
  it("by somebody's finalizer: its runner ends a minute after the grace, the pod is left to them", async () => {
    const world = await serveOne([works]);
    await world.clock.runFor(3_000);
    const key = { namespace, name: world.pods()[0]?.metadata.name ?? "" };
    const metadata = { finalizers: ["example.com/hold"] };
    await world.admin.patch(pods, key, { type: "merge", body: { metadata } });
    await world.admin.remove(pods, key);
    await world.clock.runFor(100_000);
    expect(world.runners()).toEqual([]);
    expect(world.github.control.runners()).toEqual([]);
    expect(world.pods().map(({ metadata: { name } }) => name)).toEqual([key.name]);
  });
});

describe("a runner that runs but is not there for GitHub", () => {
  it("never connects: noticed within 20 minutes, counted, and made anew", async () => {
    const world = await serveOne([{ runner: { kind: "never-connects" } }, works]);
    const first = () => world.github.control.runners()[0];
    await world.clock.runFor(3_000);
    const id = first()?.id;
    await world.clock.runUntil(() => failuresOf(world) === 1, 20 * minute, "the failure");
    expect(statusOf(world)?.reason).toBe("NotConnected");
    await world.clock.runFor(minute);
    expect(first()).toMatchObject({ state: "idle" });
    expect(first()?.id).not.toBe(id);
  });

  it("never connects, six times over: Failed, and its registration is gone", async () => {
    const world = await serveOne([{ runner: { kind: "never-connects" } }]);
    const isFailed = () => statusOf(world)?.phase === "Failed";
    await world.clock.runUntil(isFailed, 6 * 20 * minute, "the end of the tries");
    expect(statusOf(world)?.message).toMatch(/6 times; the last: NotConnected/);
    await world.clock.runFor(5_000);
    expect(world.github.control.runners()).toEqual([]);
    expect(world.pods()).toEqual([]);
  });

  it("hangs after its job: gone within 70 minutes, not on one answer of the service", async () => {
    const world = await serveOne([{ runner: { kind: "stays" } }]);
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 2 * minute });
    await world.clock.runFor(10_000);
    await world.tellJobs();
    await world.clock.runFor(2 * minute);
    expect(world.github.control.ledger().jobs[0]?.outcome).toBe("succeeded");
    await world.clock.runFor(30 * minute);
    expect(world.pods()).toHaveLength(1);
    await world.clock.runFor(40 * minute);
    expect(world.leftovers()).toEqual(nothing);
  });

  it("a healthy idle runner is asked about twice an hour at most, and stays for a day", async () => {
    const world = await serveOne([works]);
    await world.clock.runFor(24 * 60 * minute);
    const asked = world.github.control.requests().filter(({ route }) => route === "getRunner");
    expect(asked.length).toBeGreaterThan(20);
    expect(asked.length).toBeLessThanOrEqual(50);
    expect(registrations(world)).toBe(1);
    expect(statusOf(world)?.phase).toBe("Running");
  });

  it("one wrong answer about it changes nothing", async () => {
    const world = await serveOne([works]);
    await world.clock.runFor(4 * minute);
    world.github.control.addFault({ route: "getRunner", status: 404, times: 1 });
    await world.clock.runFor(60 * minute);
    const asked = world.github.control.requests().filter(({ route }) => route === "getRunner");
    expect(asked.filter(({ status }) => status === 404)).toHaveLength(1);
    expect(registrations(world)).toBe(1);
    expect(statusOf(world)?.phase).toBe("Running");
  });

  it("a service that is away for an hour makes nobody doubt a runner", async () => {
    const world = await serveOne([works]);
    await world.clock.runFor(4 * minute);
    world.github.control.addFault({ route: "getRunner", status: 503, times: 100_000 });
    await world.clock.runFor(60 * minute);
    world.github.control.clearFaults();
    await world.clock.runFor(10 * minute);
    expect(registrations(world)).toBe(1);
    expect(failuresOf(world)).toBe(0);
  });
});

describe("the facts of a job", () => {
  it("are the poller's: nothing that the reconciler writes takes them away", async () => {
    const world = await serveOne([works]);
    const started = () => world.runners()[0]?.status?.phase === "Pending";
    await world.clock.runUntil(started, 3_000, "the pod");
    const facts = {
      jobId: "41e2",
      jobRequestId: 17,
      jobRepositoryName: "my-org/app",
      jobWorkflowRef: "my-org/app/.github/workflows/ci.yml@refs/heads/main",
      workflowRunId: 99,
      jobDisplayName: "test (1)",
    };
    const key = { namespace, name: world.runners()[0]?.metadata.name ?? "" };
    const patch = { type: "merge", body: { status: facts } } as const;
    await world.admin.patch(ephemeralRunners, key, patch, { subresource: "status" });
    await world.clock.runFor(5_000);
    expect(statusOf(world)).toMatchObject({ ...facts, phase: "Running", ready: true });
  });

  it("come after the pod has failed: the runner is over, and has no second pod", async () => {
    const dies: Partial<PodPlan> = { runner: { kind: "exits", exitCode: 1, afterMs: 100 } };
    const world = await serveOne([dies]);
    await world.clock.runUntil(() => failuresOf(world) === 1, 3_000, "the failure");
    const [runner] = world.runners();
    const key = { namespace, name: runner?.metadata.name ?? "" };
    const patch = { type: "merge", body: { status: { jobId: "late" } } } as const;
    await world.admin.patch(ephemeralRunners, key, patch, { subresource: "status" });
    await world.clock.runFor(30_000);
    expect(registrations(world)).toBe(1);
    expect(world.leftovers()).toEqual(nothing);
  });
});
