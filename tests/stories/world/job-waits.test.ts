// "Why is my job waiting?" is asked here at each stage of a job's life, with the number of its workflow run in hand, as
// `runlet job` asks: the answer must be true of the world at that moment.
import { createMemoryTable } from "@runlet/coordination/memory-table";
import { ephemeralRunnerSets } from "@runlet/kubernetes/resources";
import { observeRun } from "@runlet/runlet/commands/observe-job";
import { runnersNamespace } from "@runlet/runlet/world/manifests";
import type { ScaleSetPlan } from "@runlet/runlet/world/plan-scenario";
import { runUntilEnded, type VirtualOptions } from "@runlet/runlet/world/virtual-world";
import { describe, expect, it } from "vitest";
import { placeOfWorld } from "./place-of-world.ts";
import { linux, modes, startWorld } from "./running-world.ts";

/** A world, and what `runlet job` says of its jobs. */
async function start(
  mode: (typeof modes)[number],
  plan: Partial<ScaleSetPlan> = {},
  more: Partial<VirtualOptions> = {},
) {
  const table = createMemoryTable();
  const scaleSets = [{ ...linux, ...plan }];
  const world = await startWorld({ mode, table, ...more, scaleSets });
  let token: string | undefined = world.pat;
  const place = placeOfWorld(world, table, {
    find: async () => (token === undefined ? undefined : { credential: { kind: "pat", token } }),
  });
  /** Queues one job that runs until it is finished by hand. */
  function queueOne() {
    const [job] = world.service.control.queueJobs({ scaleSet: "linux", durationMs: 3_600_000 });
    if (!job) throw new Error("no job was queued");
    return job;
  }
  type Job = ReturnType<typeof queueOne>;
  const observe = (job: Job) =>
    runUntilEnded(
      world.clock,
      observeRun(place, {
        runId: String(job.workflowRunId),
        jobName: job.displayName,
        scopeKey: undefined,
      }),
      20_000,
      "the answer",
    );
  return {
    world,
    queueOne,
    setToken: (given: string | undefined) => (token = given),
    observe,
    /** The state and the words for one job. */
    async ask(job: Job) {
      const { jobs } = await observe(job);
      expect(jobs.map(({ name }) => name)).toEqual([job.displayName]);
      return [jobs[0]?.answer.state, jobs[0]?.answer.words];
    },
  };
}

const saying = (words: string | RegExp) => expect.stringMatching(words);

describe.each(modes)("runlet job, in %s mode", (mode) => {
  it("tells a job's life: seen, starting, started, completed, each noted by who saw it", async () => {
    // An image that takes 20 s.
    const { world, queueOne, ask, observe } = await start(
      mode,
      {},
      { scenario: () => ({ imagePullMs: 20_000 }) },
    );
    const { control } = world.service;
    control.addFault({ route: "poll", status: 503, times: 1_000 });
    await world.clock.runFor(2_000);
    const job = queueOne();
    await world.clock.runFor(200);
    expect(await ask(job)).toEqual([
      "seen",
      saying(/^seen by a webhook for linux .* ago; GitHub has not assigned it yet/),
    ]);
    control.clearFaults();
    await world.clock.runFor(8_000);
    expect(await ask(job)).toEqual(["starting", saying(/^assigned to linux .*; its runner is /)]);
    await world.clock.runFor(25_000);
    expect(await ask(job)).toEqual(["started", saying(/^started after [\d.]+ s on linux-\S+, /)]);
    control.finishJob(job.key);
    await world.clock.runFor(3_000);
    expect(await ask(job)).toEqual([
      "completed",
      saying(/^completed with succeeded after .* on l/),
    ]);
    const notes = (await observe(job)).jobs[0]?.notes ?? [];
    expect(new Set(notes.map(({ what, by }) => `${what} by ${by}`))).toEqual(
      new Set([
        "first-seen by webhook",
        ...(mode === "acquire" ? ["first-seen by poller"] : []),
        "assigned by poller",
        "started by webhook",
        "started by poller",
        "completed by webhook",
        "completed by poller",
      ]),
    );
    expect(new Set(notes.map(({ scaleSet }) => scaleSet))).toEqual(new Set(["linux"]));
    await world.endClean();
  });

  it("names the maximum, and tells the job that has a runner from the one that has none", async () => {
    const { world, queueOne, ask } = await start(mode, { maxRunners: 1 });
    const first = queueOne();
    await world.clock.runFor(5_000);
    const second = queueOne();
    await world.clock.runFor(5_000);
    expect((await ask(first))[0]).toBe("started");
    expect(await ask(second)).toEqual([
      "at-maximum",
      saying(/its maxRunners allow 1 runner: it waits for one of them to end; raise maxRunners/),
    ]);
    world.service.control.finishJob(first.key);
    await world.clock.runFor(8_000);
    expect((await ask(second))[0]).toBe("started");
    await world.stop();
  });

  it("names a silent cluster, a refused credential and a foreign runner set as what holds a job up", async () => {
    const { world, queueOne, ask, setToken } = await start(mode);
    const east = world.clusters.get("east");
    await world.clock.runFor(2_000);
    const back = east?.api.addFault({ effect: { kind: "unreachable" } });
    const job = queueOne();
    await world.clock.runFor(5_000);
    expect(await ask(job)).toEqual(["held-up", saying(/degraded: cluster east does not answer/)]);
    setToken("ghp_revoked");
    expect(await ask(job)).toEqual(["held-up", saying(/credential-refused: .*github check/)]);
    setToken(undefined);
    expect(await ask(job)).toEqual(["held-up", saying(/no-credential: .*runlet github add/)]);
    setToken(world.pat);
    back?.();
    const [found] = east?.api.objects("actions.github.com/v1alpha1", "EphemeralRunnerSet") ?? [];
    const name = { namespace: runnersNamespace, name: found?.metadata.name ?? "" };
    const body = { metadata: { annotations: { "runlet.dev/fence": "f00:7" } } };
    const edit = east?.admin.patch(ephemeralRunnerSets, name, { type: "merge", body });
    await runUntilEnded(world.clock, edit ?? Promise.reject(), 1_000, "the edit");
    expect(await ask(job)).toEqual(["held-up", saying(/foreign: .*by installation f00/)]);
    await world.stop();
  });

  it("says in the reconciler's words that a quota refuses runners", async () => {
    const { world, queueOne, ask } = await start(mode);
    world.clusters.get("east")?.api.applyManifests(`apiVersion: v1
kind: ResourceQuota
metadata: { name: compute, namespace: ${runnersNamespace} }
spec: { hard: { pods: "0" } }
`);
    const job = queueOne();
    await world.clock.runFor(90_000);
    expect(await ask(job)).toEqual(["held-up", saying(/RunnersRefused: .*quota/)]);
    await world.stop();
  });

  it("says of an unknown run what was looked at, and which labels there are", async () => {
    const { world, queueOne, observe } = await start(mode);
    const job = queueOne();
    await world.clock.runFor(3_000);
    await expect(observe({ ...job, displayName: "no-such" })).rejects.toThrow(
      `run ${job.workflowRunId} has no job no-such; it has ${job.displayName}`,
    );
    await expect(observe({ ...job, workflowRunId: 999n })).rejects.toThrow(
      /nothing is noted of run 999 in the story for \S+\/acme: notes are kept for 7 days, .* linux \[linux\]/,
    );
    await world.stop();
  });
});
