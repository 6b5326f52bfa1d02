import { expect, it } from "vitest";
import { createActionsService } from "@runlet/actions-service/client";
import { createSilentLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { runUntilEnded } from "@runlet/runlet/world/virtual-world";
import { createRunnerClient } from "@runlet/simulators/actions-service/runner-client";
import { linux, modes, msBetween, startWorld } from "./running-world.ts";

it.each(modes)(
  "JobStarted of a runner that no cluster knows is acknowledged at once and owed to nobody, in %s mode",
  async (mode) => {
    // The cluster is refused its pods, so that the stranger takes the job.
    const world = await startWorld({ mode }, ({ clusters }) => {
      const effect = { kind: "status", status: 403 } as const;
      for (const { api } of clusters.values())
        api.addFault({ effect, verb: "create", plural: "pods" });
    });
    const { clock, service } = world;
    const client = createActionsService({
      fetch: service.fetch,
      clock,
      random: createSeededRandom(9),
      log: createSilentLog(),
      configUrl: world.configUrl,
      credential: async () => ({ kind: "pat", token: world.pat }),
      system: { name: "story", version: "0", subsystem: "story" },
      limitMs: 5_000,
    });
    const act = <T>(call: Promise<T>) => runUntilEnded(clock, call, 20_000, "the stranger");
    const jit = await act(client.generateJitConfig(1, { name: "stranger-1", workFolder: "" }));
    if (!jit.ok) throw new Error(jit.failure.message);
    const runner = createRunnerClient({ fetch: service.fetch }, jit.value.encoded);
    await act(runner.connect());
    const [job = ""] = world.queue("linux");
    expect(await act(runner.takeJob())).toMatchObject({ job });
    await clock.runFor(3_000);
    expect(world.recorder.lines().filter(({ event }) => event === "jobs_started_owed")).toEqual([]);
    expect(service.control.messages("linux")?.log).toEqual([]);
    await act(runner.finish("succeeded"));
    await world.jobsEnd(5_000);
    for (const { api } of world.clusters.values()) api.setFaults([]);
    await world.endClean(120_000);
  },
);

it.each(modes)(
  "a resting shard whose webhook and whose look were both lost is found by a later sweep, in %s mode",
  async (mode) => {
    let lost = 0;
    const lookEveryMs = 8_000;
    const world = await startWorld({
      mode,
      scaleSets: [{ ...linux, name: "gpu" }],
      knobs: { webhookLoss: 1 },
      settings: { restAfterMs: 1_000, lookEveryMs },
      // The first look vanishes before its first line, and nobody is told.
      onEffect: (_point, life, { reason }) => {
        if (reason === "look" && lost === 0) {
          lost++;
          life.kill();
        }
      },
    });
    await world.until(() => world.recorder.count("rests") > 0, 30_000, "a rest");
    const [job = ""] = world.queue("gpu");
    await world.jobsEnd(60_000);
    expect(lost).toBe(1);
    const waited = msBetween(world, { kind: "job-queued", job }, { kind: "job-started", job });
    // The look was due after lookEvery; the sweep after the one whose look vanished asks again.
    expect(waited).toBeLessThan(lookEveryMs + 2 * 2_000 + 3_000);
    await world.endClean();
  },
);
