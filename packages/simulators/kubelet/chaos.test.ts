// Why: whatever befalls pods, and whenever, what a reconciler reads must make sense at every moment. Random
// plans and faults from a seed; every status that is ever visible is held against the rules of a pod's life.
import { pods } from "@runlet/kubernetes/resources";
import { createSeededRandom, type Random } from "@runlet/runtime/random";
import { expect, test } from "vitest";
import type { Pod } from "./pod.ts";
import type { PodPlan, RunnerPlan } from "./scenario.ts";
import { assignJobs, createBed, createRunner, key, podOf, runUntil, type Bed } from "./test-bed.ts";

const names = ["r-0", "r-1", "r-2", "r-3", "r-4", "r-5"];

function randomPlan(random: Random): Partial<PodPlan> {
  const runners: RunnerPlan[] = [
    { kind: "works" },
    { kind: "works" },
    { kind: "dies-before-job", afterMs: random.int(3_000), exitCode: 1 + random.int(3) },
    { kind: "dies-with-job", afterMs: random.int(3_000), exitCode: 1 },
    { kind: "exits", exitCode: 7, afterMs: random.int(1_000) },
    { kind: "never-connects" },
    { kind: "hangs" },
  ];
  const runner = runners[random.int(runners.length)] ?? { kind: "works" };
  return {
    runner,
    imagePullMs: random.int(2_000),
    startMs: random.int(500),
    stopMs: random.int(5_000),
    initExitCodes: random.int(6) === 0 ? [1] : [],
    pullFailuresCount: random.int(8) === 0 ? 1 : 0,
  };
}

/** What must hold for one status, and between it and the one before. */
function findNonsense(pod: Pod, before: Pod | undefined): string | undefined {
  const phase = pod.status?.phase ?? "Pending";
  const containers = pod.status?.containerStatuses ?? [];
  const states = containers.map((one) => Object.keys(one.state).join());
  const was = before?.status?.phase ?? "Pending";
  const order = ["Pending", "Running", "Succeeded", "Failed"];
  const over = was === "Succeeded" || was === "Failed";
  if (over && phase !== was) return `left its last phase ${was} for ${phase}`;
  if (order.indexOf(phase) < order.indexOf(was)) return `went back from ${was} to ${phase}`;
  if (phase === "Running" && !states.every((state) => state !== "waiting"))
    return "runs with a container that waits";
  if (phase === "Succeeded" && containers.some((one) => one.state.terminated?.exitCode !== 0))
    return "succeeded with a container that did not";
  if (phase === "Failed" && states.includes("running")) return "failed with a running container";
  const ready = pod.status?.conditions?.find((one) => one.type === "Ready")?.status === "True";
  if (ready && (phase !== "Running" || states.some((state) => state !== "running")))
    return `is ready with ${phase} ${states.join()}`;
  const ended = before?.status?.containerStatuses?.filter((one) => one.state.terminated) ?? [];
  for (const one of ended) {
    const now = containers.find((other) => other.name === one.name)?.state.terminated;
    if (now?.exitCode !== one.state.terminated?.exitCode) return "changed an exit code";
  }
  return undefined;
}

/** Follows every version of every pod. */
function follow(bed: Bed, nonsense: string[]): () => void {
  const stop = new AbortController();
  const last = new Map<string, Pod>();
  let resourceVersion = String(bed.api.revision());
  const see = (pod: Pod) => {
    const uid = pod.metadata.uid ?? "";
    const wrong = findNonsense(pod, last.get(uid));
    if (wrong) nonsense.push(`${pod.metadata.name} ${wrong}`);
    last.set(uid, pod);
  };
  const watchOnce = async () => {
    const watch = bed.client.watch<Pod>(pods, { resourceVersion, signal: stop.signal });
    for await (const event of watch) {
      if (event.type === "BOOKMARK") continue;
      resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion;
      see(event.object);
    }
  };
  const run = async () => {
    // The faults hit this watch too; it goes on from where it was.
    while (!stop.signal.aborted) await watchOnce().catch(() => {});
  };
  void run();
  return () => stop.abort(new Error("the run is over"));
}

function strike(bed: Bed, random: Random): void {
  const name = names[random.int(names.length)] ?? "";
  const faults = [
    () => bed.kubelet.faults.evict(key(name), { graceMs: random.int(2) * 1_000 }),
    () => bed.kubelet.faults.outOfMemory(key(name)),
    () => bed.kubelet.faults.exit(key(name), random.int(3)),
    () =>
      void bed.client
        .remove(pods, key(name), { gracePeriodSeconds: random.int(4) })
        .catch(() => {}),
    () => bed.api.addFault({ effect: { kind: "status", status: 500 }, plural: "pods", times: 3 }),
    () => bed.api.addFault({ effect: { kind: "lost-answer" }, plural: "pods", times: 2 }),
    () => bed.api.cutWatches({ plural: "pods", broken: random.int(2) === 0 }),
    () => bed.github.control.addFault({ route: "runnerJob", drop: "after" }),
  ];
  faults[random.int(faults.length)]?.();
}

const seeds = Array.from({ length: 25 }, (_, index) => index + 1);

test.each(seeds)("seed %i: no status is nonsense, and a deleted pod goes in time", async (seed) => {
  const random = createSeededRandom(seed);
  const plans = new Map(names.map((name) => [name, randomPlan(random)]));
  const bed = await createBed({ seed, scenario: (pod) => plans.get(pod.metadata.name) ?? {} });
  const nonsense: string[] = [];
  const leave = follow(bed, nonsense);
  await assignJobs(bed, { count: 4, durationMs: 3_000 });
  const initContainers = [{ name: "init", image: "i" }];
  for (const name of names)
    await createRunner(bed, name, random.int(2) === 0 ? { initContainers } : {});
  for (let strikes = 0; strikes < 12; strikes++) {
    await bed.clock.runFor(random.int(1_500));
    strike(bed, random);
  }
  bed.api.setFaults([]);
  bed.github.control.clearFaults();
  await bed.clock.runFor(10_000);
  await runUntil(bed.clock, Promise.all(names.map((name) => bed.client.remove(pods, key(name)))));
  // 30 s of grace, and a few for retries after the faults.
  await bed.clock.runUntil(() => names.every((name) => !podOf(bed, name)), 36_000, "removal");
  await bed.clock.settle();
  expect(nonsense).toEqual([]);
  expect(bed.kubelet.pods()).toEqual([]);
  const { counts, jobs } = bed.github.control.ledger();
  expect(counts.queued).toBe(4);
  const ran = jobs.map((job) => job.runnerName).filter((name) => name !== undefined);
  expect(new Set(ran).size).toBe(ran.length);
  leave();
  bed.kubelet.stop();
  bed.github.stop();
  bed.api.close();
  await bed.clock.settle();
  expect(bed.clock.timersCount()).toBe(0);
});
