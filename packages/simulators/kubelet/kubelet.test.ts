// Why: the stories of later parts stand on this stand-in; each thing that can befall a pod must look to the
// API and to the service as it does with a real kubelet and a real runner.
import { pods, secrets } from "@runlet/kubernetes/resources";
import { expect, test } from "vitest";
import { createKubelet } from "./kubelet.ts";
import type { Pod } from "./pod.ts";
import {
  assignJobs,
  createBed,
  createPod,
  createRunner,
  key,
  phaseOf,
  podOf,
  runUntil,
  type Bed,
  type BedOptions,
} from "./test-bed.ts";

function runnerState(bed: Bed, name: string): string | undefined {
  return bed.github.control.runners().find((runner) => runner.name === name)?.state;
}

function exitOf(pod: Pod | undefined) {
  return pod?.status?.containerStatuses?.find((one) => one.name === "runner")?.state.terminated;
}

function readyOf(pod: Pod | undefined): string | undefined {
  return pod?.status?.conditions?.find((one) => one.type === "Ready")?.status;
}

async function startRunner(options: BedOptions, name = "r-1") {
  const bed = await createBed(options);
  await createRunner(bed, name);
  await bed.clock.runUntil(() => phaseOf(bed, name) === "Running", 30_000, "the pod's start");
  return bed;
}

test("a pod goes through pending and creating to running, takes one job, succeeds, and is removed", async () => {
  const bed = await createBed();
  const seen: string[] = [];
  const stop = new AbortController();
  const follow = async () => {
    for await (const event of bed.client.watch<Pod>(pods, {
      resourceVersion: String(bed.api.revision()),
      signal: stop.signal,
    })) {
      if (event.type === "BOOKMARK") continue;
      const [state] = Object.keys(event.object.status?.containerStatuses?.[0]?.state ?? {});
      const step = `${event.object.status?.phase} ${state ?? "-"} ${readyOf(event.object) ?? "-"}`;
      if (seen.at(-1) !== step) seen.push(step);
    }
  };
  const following = follow();
  const [job] = await assignJobs(bed, { durationMs: 5_000 });
  await createRunner(bed, "r-1");
  await bed.clock.runUntil(() => phaseOf(bed, "r-1") === "Succeeded", 30_000);
  stop.abort();
  await following;
  expect(seen).toEqual([
    "Pending - -",
    "Pending waiting False",
    "Running running True",
    "Succeeded terminated False",
  ]);
  const pod = podOf(bed, "r-1");
  expect(pod?.spec?.nodeName).toBe("node-1");
  expect(exitOf(pod)).toMatchObject({ exitCode: 0, reason: "Completed" });
  expect(bed.github.control.findJob(job ?? "")).toMatchObject({
    state: "completed",
    outcome: "succeeded",
    runnerName: "r-1",
  });
  expect(bed.github.control.runners()).toEqual([]);
  await runUntil(bed.clock, bed.client.remove(pods, key("r-1")));
  expect(podOf(bed, "r-1")).toBeUndefined();
  await bed.clock.settle();
  expect(bed.kubelet.pods()).toEqual([]);
});

test("a job takes as long as it takes, and the service sees the runner busy meanwhile", async () => {
  const bed = await startRunner({});
  expect(runnerState(bed, "r-1")).toBe("idle");
  const startedAt = bed.clock.nowMs();
  await assignJobs(bed, { durationMs: 42_000 });
  expect(runnerState(bed, "r-1")).toBe("busy");
  await bed.clock.runUntil(() => phaseOf(bed, "r-1") === "Succeeded", 60_000);
  expect(bed.clock.nowMs() - startedAt).toBeGreaterThanOrEqual(42_000);
  expect(bed.clock.nowMs() - startedAt).toBeLessThan(43_000);
});

test("each step is written once: four calls from binding to the end", async () => {
  const bed = await createBed();
  await assignJobs(bed);
  await createRunner(bed, "r-1");
  await bed.clock.runUntil(() => phaseOf(bed, "r-1") === "Succeeded", 30_000);
  const writes = bed.api.auditLog().filter((one) => one.plural === "pods" && one.name === "r-1");
  expect(writes.map((one) => `${one.verb} ${one.subresource}`)).toEqual([
    "create binding",
    "patch status",
    "patch status",
    "patch status",
  ]);
});

test("a JIT config that was used does not register again: the second pod exits 0 without a job", async () => {
  const bed = await startRunner({ plan: { runner: { kind: "hangs" } } });
  await runUntil(bed.clock, bed.client.remove(pods, key("r-1"), { gracePeriodSeconds: 0 }));
  await bed.clock.runFor(1_000);
  await assignJobs(bed);
  await runUntil(bed.clock, createPod(bed, "r-1"));
  await bed.clock.runUntil(() => phaseOf(bed, "r-1") === "Succeeded", 30_000);
  expect(bed.kubelet.logs(key("r-1"))).toContain("used before");
  expect(bed.github.control.ledger().counts).toMatchObject({ queued: 1, completed: 0 });
});

test("while the Secret is missing the container cannot be created; it starts once it is there", async () => {
  const bed = await createBed();
  await createRunner(bed, "r-1");
  await bed.clock.runUntil(() => phaseOf(bed, "r-1") === "Running", 30_000);
  const secret = await runUntil(
    bed.clock,
    bed.client.find<{ metadata: { name: string }; data: Record<string, string> }>(
      secrets,
      key("r-1"),
    ),
  );
  await runUntil(bed.clock, createPod(bed, "r-2"));
  await bed.clock.runFor(3_000);
  const waiting = podOf(bed, "r-2")?.status?.containerStatuses?.[0]?.state.waiting;
  expect(waiting?.reason).toBe("CreateContainerConfigError");
  expect(phaseOf(bed, "r-2")).toBe("Pending");
  const late = { metadata: key("r-2"), data: secret?.data ?? {} };
  await runUntil(bed.clock, bed.client.create(secrets, late));
  await bed.clock.runUntil(() => phaseOf(bed, "r-2") !== "Pending", 10_000);
});

test("ImagePullBackOff keeps the pod pending for as long as it lasts (F59)", async () => {
  const bed = await createBed({ plan: { pullFailuresCount: 2 } });
  await createRunner(bed, "r-1");
  await bed.clock.runFor(5_000);
  const state = podOf(bed, "r-1")?.status?.containerStatuses?.[0]?.state;
  expect(state?.waiting?.reason).toBe("ImagePullBackOff");
  await bed.clock.runUntil(() => phaseOf(bed, "r-1") === "Running", 60_000);
  expect(bed.clock.nowMs()).toBeGreaterThan(30_000);
});

test("a pod that no node has room for says Unschedulable and goes at once when it is deleted", async () => {
  const bed = await createBed({ plan: { unschedulable: "0/3 nodes are available" } });
  await createRunner(bed, "r-1");
  await bed.clock.runFor(1_000);
  const [condition] = podOf(bed, "r-1")?.status?.conditions ?? [];
  expect(condition).toMatchObject({
    type: "PodScheduled",
    status: "False",
    reason: "Unschedulable",
  });
  await runUntil(bed.clock, bed.client.remove(pods, key("r-1")));
  expect(podOf(bed, "r-1")).toBeUndefined();
});

test("a pod that its node refuses has failed without any container status", async () => {
  const refusedBy = { reason: "OutOfcpu", message: "Node didn't have enough resource: cpu" };
  const bed = await createBed({ plan: { refusedBy } });
  await createRunner(bed, "r-1");
  await bed.clock.runFor(1_000);
  expect(podOf(bed, "r-1")?.status).toMatchObject({ phase: "Failed", reason: "OutOfcpu" });
  expect(podOf(bed, "r-1")?.status?.containerStatuses ?? []).toEqual([]);
});

test("an init container that fails ends the pod before the runner starts (F59)", async () => {
  const bed = await createBed({ plan: { initExitCodes: [0, 3] } });
  const initContainers = [
    { name: "one", image: "i" },
    { name: "two", image: "i" },
  ];
  await createRunner(bed, "r-1", { initContainers });
  await bed.clock.runUntil(() => phaseOf(bed, "r-1") === "Failed", 30_000);
  const status = podOf(bed, "r-1")?.status;
  expect(status?.initContainerStatuses?.map((one) => one.state.terminated?.exitCode)).toEqual([
    0, 3,
  ]);
  expect(status?.containerStatuses?.[0]?.state.waiting?.reason).toBe("PodInitializing");
  expect(runnerState(bed, "r-1")).toBe("offline");
});

test("a side-car among the init containers outlives the runner and does not keep the pod alive", async () => {
  const bed = await createBed();
  await assignJobs(bed);
  const initContainers = [{ name: "dind", image: "d", restartPolicy: "Always" }];
  await createRunner(bed, "r-1", { initContainers });
  await bed.clock.runUntil(() => phaseOf(bed, "r-1") === "Succeeded", 30_000);
  const [dind] = podOf(bed, "r-1")?.status?.initContainerStatuses ?? [];
  expect(dind?.state.terminated?.exitCode).toBe(143);
});

test("an ordinary second container keeps the pod running after the runner's exit", async () => {
  const bed = await createBed();
  await assignJobs(bed);
  await createRunner(bed, "r-1", { containers: [{ name: "dind", image: "d" }] });
  await bed.clock.runUntil(() => exitOf(podOf(bed, "r-1")) !== undefined, 30_000);
  await bed.clock.runFor(60_000);
  expect(phaseOf(bed, "r-1")).toBe("Running");
  expect(exitOf(podOf(bed, "r-1"))?.exitCode).toBe(0);
});

test("a runner whose version is deprecated exits 7 before it registers", async () => {
  const runner = { kind: "exits", exitCode: 7, afterMs: 500 } as const;
  const bed = await createBed({ plan: { runner } });
  await createRunner(bed, "r-1");
  await bed.clock.runUntil(() => phaseOf(bed, "r-1") === "Failed", 30_000);
  expect(exitOf(podOf(bed, "r-1"))).toMatchObject({ exitCode: 7, reason: "Error" });
  expect(runnerState(bed, "r-1")).toBe("offline");
});

test("a runner that never connects runs on and stays offline at the service (F63)", async () => {
  const bed = await startRunner({ plan: { runner: { kind: "never-connects" } } });
  await bed.clock.runFor(600_000);
  expect(phaseOf(bed, "r-1")).toBe("Running");
  expect(runnerState(bed, "r-1")).toBe("offline");
});

test("a runner that dies before its job leaves a registration that goes offline", async () => {
  const runner = { kind: "dies-before-job", afterMs: 2_000, exitCode: 1 } as const;
  const bed = await createBed({ plan: { runner } });
  await createRunner(bed, "r-1");
  await bed.clock.runUntil(() => phaseOf(bed, "r-1") === "Failed", 30_000);
  expect(exitOf(podOf(bed, "r-1"))?.exitCode).toBe(1);
  const { idleLapseMs } = bed.github.control.knobs();
  await bed.clock.runUntil(() => runnerState(bed, "r-1") === "offline", idleLapseMs + 1_000);
});

test("a runner that dies with its job loses it, once the service has waited long enough", async () => {
  const runner = { kind: "dies-with-job", afterMs: 3_000, exitCode: 1, outOfMemory: true } as const;
  const bed = await startRunner({ plan: { runner } });
  const [job = ""] = await assignJobs(bed, { durationMs: 60_000 });
  await bed.clock.runUntil(() => phaseOf(bed, "r-1") === "Failed", 30_000);
  expect(exitOf(podOf(bed, "r-1"))).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
  expect(bed.github.control.findJob(job)?.state).toBe("running");
  const { jobLapseMs } = bed.github.control.knobs();
  await bed.clock.runFor(jobLapseMs + 1_000);
  expect(bed.github.control.findJob(job)).toMatchObject({ state: "completed", outcome: "failed" });
});

test("a pod without restartPolicy runs its container again and again, longer apart each time", async () => {
  const runner = { kind: "exits", exitCode: 1, afterMs: 100 } as const;
  const bed = await createBed({ plan: { runner } });
  await createRunner(bed, "r-1", { restartPolicy: "Always" });
  await bed.clock.runFor(60_000);
  const [status] = podOf(bed, "r-1")?.status?.containerStatuses ?? [];
  expect(phaseOf(bed, "r-1")).toBe("Running");
  expect(status).toMatchObject({
    restartCount: 3,
    state: { waiting: { reason: "CrashLoopBackOff" } },
    lastState: { terminated: { exitCode: 1 } },
  });
});

test("deleting a pod lets the runner stop: idle it leaves, and the pod is gone well within its grace", async () => {
  const bed = await startRunner({ plan: { stopMs: 3_000 } });
  await runUntil(bed.clock, bed.client.remove(pods, key("r-1")));
  expect(podOf(bed, "r-1")?.metadata.deletionGracePeriodSeconds).toBe(30);
  const deletedAt = bed.clock.nowMs();
  await bed.clock.runUntil(() => podOf(bed, "r-1") === undefined, 60_000);
  expect(bed.clock.nowMs() - deletedAt).toBeGreaterThanOrEqual(3_000);
  expect(bed.clock.nowMs() - deletedAt).toBeLessThan(5_000);
  expect(runnerState(bed, "r-1")).toBe("offline");
});

test("a busy runner that is deleted cancels its job and says so", async () => {
  const bed = await startRunner({});
  const [job = ""] = await assignJobs(bed, { durationMs: 600_000 });
  await runUntil(bed.clock, bed.client.remove(pods, key("r-1")));
  await bed.clock.runUntil(() => podOf(bed, "r-1") === undefined, 60_000);
  expect(bed.github.control.findJob(job)).toMatchObject({
    state: "completed",
    outcome: "canceled",
  });
});

test("a process that does not stop in time is killed at the end of the grace period", async () => {
  const bed = await startRunner({ plan: { stopMs: 3_600_000 } });
  const removal = bed.client.remove(pods, key("r-1"), { gracePeriodSeconds: 7 });
  await runUntil(bed.clock, removal);
  const deletedAt = bed.clock.nowMs();
  await bed.clock.runUntil(() => podOf(bed, "r-1") === undefined, 60_000);
  expect(bed.clock.nowMs() - deletedAt).toBe(7_000);
});

test("a pod deleted by force takes its runner with it without a word", async () => {
  const bed = await startRunner({});
  const [job = ""] = await assignJobs(bed, { durationMs: 600_000 });
  await runUntil(bed.clock, bed.client.remove(pods, key("r-1"), { gracePeriodSeconds: 0 }));
  await bed.clock.runFor(30_000);
  expect(bed.kubelet.pods()).toEqual([]);
  expect(bed.github.control.findJob(job)?.state).toBe("running");
});

test("an evicted pod has failed with reason Evicted, its process killed (F57)", async () => {
  const bed = await startRunner({});
  await assignJobs(bed, { durationMs: 600_000 });
  expect(bed.kubelet.faults.evict(key("r-1"))).toBe(true);
  await bed.clock.settle();
  const status = podOf(bed, "r-1")?.status;
  expect(status).toMatchObject({ phase: "Failed", reason: "Evicted" });
  expect(exitOf(podOf(bed, "r-1"))?.exitCode).toBe(137);
  const disruption = status?.conditions?.find((one) => one.type === "DisruptionTarget");
  expect(disruption).toMatchObject({ status: "True", reason: "TerminationByKubelet" });
  expect(bed.kubelet.faults.evict(key("nobody"))).toBe(false);
});

test("out of memory: the runner's container has ended with 137 OOMKilled (F58)", async () => {
  const bed = await createBed();
  await createRunner(bed, "r-1", { containers: [{ name: "dind", image: "d" }] });
  await bed.clock.runUntil(() => phaseOf(bed, "r-1") === "Running", 30_000);
  expect(bed.kubelet.faults.outOfMemory(key("r-1"))).toBe(true);
  await bed.clock.settle();
  expect(exitOf(podOf(bed, "r-1"))).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
  expect(phaseOf(bed, "r-1")).toBe("Running");
});

test("a lost node's pod stays Running, is marked, then wanted gone, and goes when the node is back (F56)", async () => {
  const bed = await startRunner({});
  const [job = ""] = await assignJobs(bed, { durationMs: 20_000 });
  bed.kubelet.faults.loseNode("node-1");
  await bed.clock.runFor(39_000);
  expect(phaseOf(bed, "r-1")).toBe("Running");
  expect(readyOf(podOf(bed, "r-1"))).toBe("True");
  await bed.clock.runFor(2_000);
  expect(readyOf(podOf(bed, "r-1"))).toBe("False");
  expect(bed.api.object("v1", "Node", { name: "node-1" })?.status).toMatchObject({
    conditions: [{ type: "Ready", status: "Unknown" }],
  });
  expect(phaseOf(bed, "r-1")).toBe("Running");
  await bed.clock.runFor(400_000);
  expect(podOf(bed, "r-1")?.metadata.deletionTimestamp).toBeDefined();
  expect(bed.github.control.findJob(job)?.state).toBe("running");
  bed.kubelet.faults.returnNode("node-1");
  await bed.clock.runUntil(() => podOf(bed, "r-1") === undefined, 5_000);
});

test("a node that comes back soon has lost its containers: the pod has failed", async () => {
  const bed = await startRunner({});
  bed.kubelet.faults.loseNode("node-1");
  await bed.clock.runFor(10_000);
  bed.kubelet.faults.returnNode("node-1");
  await bed.clock.settle();
  expect(phaseOf(bed, "r-1")).toBe("Failed");
  expect(exitOf(podOf(bed, "r-1"))).toMatchObject({
    exitCode: 137,
    reason: "ContainerStatusUnknown",
  });
});

test("pods go to the nodes in turn, and only to those that are up", async () => {
  const bed = await createBed({ nodes: ["a", "b"] });
  for (const name of ["r-1", "r-2"]) await createRunner(bed, name);
  await bed.clock.runFor(1_000);
  bed.kubelet.faults.loseNode("a");
  await createRunner(bed, "r-3");
  await bed.clock.runFor(1_000);
  const nodes = ["r-1", "r-2", "r-3"].map((name) => podOf(bed, name)?.spec?.nodeName);
  expect(nodes).toEqual(["a", "b", "b"]);
});

test("an API server that fails for a while gets every status in the end", async () => {
  const bed = await createBed();
  await assignJobs(bed);
  await createRunner(bed, "r-1");
  const end = bed.api.addFault({
    kind: "answer",
    status: 503,
    match: { resource: "pods" },
  } as never);
  await bed.clock.runFor(30_000);
  end();
  await bed.clock.runUntil(() => phaseOf(bed, "r-1") === "Succeeded", 20_000);
});

test("when the service is away the runner waits for it", async () => {
  const bed = await createBed();
  await createRunner(bed, "r-1");
  bed.github.control.addFault({ route: "runnerConnect", times: 5, status: 503 });
  await bed.clock.runUntil(() => runnerState(bed, "r-1") === "idle", 120_000);
  expect(bed.kubelet.logs(key("r-1"))).toContain("Retrying");
});

test("the log of a container is what it printed, and that of an unknown pod is nothing", async () => {
  const bed = await startRunner({});
  await assignJobs(bed);
  await bed.clock.runUntil(() => phaseOf(bed, "r-1") === "Succeeded", 30_000);
  const lines = bed.kubelet.logs(key("r-1"))?.trimEnd().split("\n") ?? [];
  expect(lines.map((line) => line.replace(/^\S+ /, ""))).toEqual([
    "√ Connected to GitHub",
    "Listening for Jobs",
    expect.stringMatching(/^Running job: /),
    expect.stringMatching(/completed with result: succeeded$/),
  ]);
  expect(bed.kubelet.logs(key("nobody"))).toBeUndefined();
});

test("a kubelet that stops writes nothing more and leaves no timer; the next one finds containers lost", async () => {
  const bed = await startRunner({});
  bed.kubelet.stop();
  const revision = bed.api.revision();
  await bed.clock.runFor(60_000);
  expect(bed.api.revision()).toBe(revision);
  const next = createKubelet(bed.deps);
  await bed.clock.settle();
  expect(phaseOf(bed, "r-1")).toBe("Failed");
  next.stop();
});

test("fifty runners at once take fifty jobs, one each", async () => {
  const bed = await createBed({ seed: 3 });
  const jobs = await assignJobs(bed, { count: 50, durationMs: 10_000 });
  const names = Array.from({ length: 50 }, (_, index) => `r-${index}`);
  for (const name of names) await createRunner(bed, name);
  await bed.clock.runUntil(
    () => names.every((name) => phaseOf(bed, name) === "Succeeded"),
    120_000,
  );
  const ran = jobs.map((job) => bed.github.control.findJob(job)?.runnerName);
  expect(new Set(ran).size).toBe(50);
});

test("a runner whose answer with the job was lost gets the same job at its next question", async () => {
  const bed = await createBed();
  bed.github.control.addFault({ route: "runnerJob", times: 1, drop: "after" });
  const [job = ""] = await assignJobs(bed, { durationMs: 2_000 });
  await createRunner(bed, "r-1");
  await bed.clock.runUntil(() => phaseOf(bed, "r-1") === "Succeeded", 60_000);
  expect(bed.kubelet.logs(key("r-1"))).toContain("Retrying");
  expect(bed.github.control.findJob(job)).toMatchObject({
    state: "completed",
    outcome: "succeeded",
  });
});

test("a node is ready from the start, and a pod that runs has an address", async () => {
  const bed = await startRunner({ nodes: ["node-1"] });
  const [node] = bed.api.objects("v1", "Node");
  expect(node?.["status"]).toMatchObject({ conditions: [{ type: "Ready", status: "True" }] });
  expect(podOf(bed, "r-1")?.status?.podIP).toMatch(/^10\.244\.\d+\.\d+$/);
});
