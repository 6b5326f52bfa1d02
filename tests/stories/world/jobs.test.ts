import { describe, expect, it } from "vitest";
import { linux, modes, msBetween, startWorld } from "./running-world.ts";

describe.each(modes)("a job, through all parts, in %s mode", (mode) => {
  it("is started within seconds and leaves nothing behind", async () => {
    const world = await startWorld({ mode });
    const [job = ""] = world.queue("linux");
    await world.jobsEnd(5_000);
    // Pod start takes 300 ms here; everything else must not take as long again.
    expect(
      msBetween(world, { kind: "job-queued", job }, { kind: "job-started", job }),
    ).toBeLessThan(900);
    await world.endClean();
  });

  it("that was cancelled before it started gives its runner's place back", async () => {
    const world = await startWorld({ mode });
    const [job = ""] = world.queue("linux");
    await world.until(() => world.runnersIn("east", "linux") === 1, 2_000, "a runner");
    world.service.control.cancelJob(job);
    await world.until(() => world.runnersIn("east", "linux") === 0, 10_000, "no runner");
    await world.endClean();
  });

  it("gets another runner when its first one dies before the job, and fails when it dies with it", async () => {
    let died = 0;
    const world = await startWorld({
      mode,
      scenario: () =>
        died++ === 0
          ? { runner: { kind: "dies-before-job", afterMs: 1, exitCode: 1 } }
          : died === 2
            ? { runner: { kind: "works" } }
            : { runner: { kind: "dies-with-job", afterMs: 200, exitCode: 137, outOfMemory: true } },
      knobs: { jobLapseMs: 3_000, idleLapseMs: 3_000 },
    });
    world.queue("linux");
    await world.jobsEnd(60_000);
    world.queue("linux", { durationMs: 1_000 });
    await world.jobsEnd(60_000);
    const outcomes = world.service.control.ledger().jobs.map(({ outcome }) => outcome);
    expect(outcomes).toEqual(["succeeded", "failed"]);
    await world.endClean(120_000);
  });

  it("is still started when every webhook was lost, only later", async () => {
    const gpu = { ...linux, name: "gpu" };
    for (const lost of [0, 1]) {
      const world = await startWorld({
        mode,
        scaleSets: [gpu],
        knobs: { webhookLoss: lost },
        settings: { restAfterMs: 1_000, lookEveryMs: 8_000 },
      });
      await world.until(() => world.recorder.count("rests") > 0, 30_000, "a rest");
      const [job = ""] = world.queue("gpu");
      await world.jobsEnd(60_000);
      const waited = msBetween(world, { kind: "job-queued", job }, { kind: "job-started", job });
      // Without a webhook the next look finds it: lookEvery + sweep + the look's own start.
      expect(waited).toBeLessThan(lost === 1 ? 8_000 + 2_000 + 3_000 : 2_500);
      await world.endClean();
    }
  });

  it("whose webhook failed is told of again by the next sweep, long before the next look", async () => {
    const gpu = { ...linux, name: "gpu" };
    const world = await startWorld({
      mode,
      redeliver: true,
      scaleSets: [gpu],
      settings: { restAfterMs: 1_000, lookEveryMs: 600_000 },
    });
    await world.until(() => world.recorder.count("rests") > 0, 30_000, "a rest");
    world.service.control.setKnobs({ webhookLoss: 1 });
    const [job = ""] = world.queue("gpu");
    world.service.control.setKnobs({ webhookLoss: 0 });
    await world.jobsEnd(60_000);
    const waited = msBetween(world, { kind: "job-queued", job }, { kind: "job-started", job });
    expect(waited).toBeLessThan(2_000 + 3_000);
    const again = world.recorder.lines().filter(({ event }) => event === "webhooks_redelivered");
    expect(again).toMatchObject([{ count: 1 }]);
    await world.endClean();
  });

  it("runs once although webhooks, invocations and wakes come twice", async () => {
    const world = await startWorld({ mode, knobs: { webhookDoubling: 1 }, doubled: 1 });
    world.queue("linux", { count: 8 });
    await world.jobsEnd(20_000);
    const starts = world.recorder.facts().filter(({ kind }) => kind === "job-started");
    expect(starts).toHaveLength(8);
    expect([...world.recorder.clusterSplit().values()]).toEqual([8]);
    await world.endClean();
  });
});

describe.each(modes)("the limits of a set, in %s mode", (mode) => {
  it("lowered in mid-flight let the busy runners finish and take no more", async () => {
    const world = await startWorld({ mode });
    world.queue("linux", { count: 8, durationMs: 4_000 });
    const busy = () => world.service.control.ledger().counts.running;
    await world.until(() => busy() === 8, 5_000, "eight running jobs");
    await world.patchSet("east", "linux", { maxRunners: 2 });
    world.queue("linux", { count: 6, durationMs: 1_000 });
    await world.until(() => busy() <= 2, 8_000, "no more than two running jobs");
    let peak = 0;
    await world.until(
      () => ((peak = Math.max(peak, busy())), world.openJobs() === 0),
      30_000,
      "the end",
    );
    expect(peak).toBeLessThanOrEqual(2);
    const failed = world.service.control
      .ledger()
      .jobs.filter(({ outcome }) => outcome !== "succeeded");
    expect(failed).toEqual([]);
    await world.endClean();
  });

  it("raised and lowered at the bottom are followed within two seconds each", async () => {
    const world = await startWorld({ mode });
    const runners = () => world.runnersIn("east", "linux");
    await world.patchSet("east", "linux", { minRunners: 3 });
    await world.until(() => runners() === 3, 2_000, "three idle runners");
    await world.patchSet("east", "linux", { minRunners: 1 });
    // Falling takes a quiet poll (ARC's order to scale down), so a hold of the service more.
    await world.until(() => runners() === 1, 6_000, "one idle runner");
    await world.patchSet("east", "linux", { minRunners: 0 });
    await world.until(() => runners() === 0, 6_000, "no runner");
    await world.endClean();
  });

  it("scale to zero after the last job", async () => {
    const world = await startWorld({ mode });
    world.queue("linux", { count: 3 });
    await world.jobsEnd(5_000);
    await world.until(() => world.runnersIn("east", "linux") === 0, 4_000, "no runner");
    await world.endClean();
  });
});
