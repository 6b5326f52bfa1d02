// A set can leave while its session is open and nobody else is told: the next one who wants it must not wait for the lapse.
import { createMemoryTable } from "@runlet/coordination/memory-table";
import { removeCluster } from "@runlet/runlet/commands/cluster-remove";
import { runUntilEnded } from "@runlet/runlet/world/virtual-world";
import { demoSettings } from "@runlet/runtime/settings";
import { expect, it } from "vitest";
import { placeOfWorld } from "../world/place-of-world.ts";
import { modes, startWorld } from "../world/running-world.ts";

it.each(modes)(
  "a set whose only cluster is removed with a job in it has its session closed within a sweep, in %s mode",
  async (mode) => {
    const table = createMemoryTable();
    const world = await startWorld({ mode, table });
    world.queue("linux", { durationMs: 20_000 });
    await world.until(() => world.runnersIn("east", "linux") === 1, 5_000, "a runner");
    const values = { now: true, yes: true };
    const place = placeOfWorld(world, table);
    const call = { names: ["east"], values, tell: () => {}, open: async () => place };
    await runUntilEnded(world.clock, removeCluster.run(call), 5_000, "the removal");
    const removedAt = world.clock.nowMs();
    const sessions = () => world.service.control.sessions().length;
    await world.until(() => sessions() === 0, 10_000, "no session");
    const ends = world.recorder.facts().filter(({ kind }) => /^session-(closed|lapsed)/.test(kind));
    expect(ends.map(({ kind }) => kind)).toEqual(["session-closed"]);
    const { sweepEveryMs, heartbeatMs } = demoSettings;
    expect((ends[0]?.at ?? 0) - removedAt).toBeLessThan(sweepEveryMs + 2 * heartbeatMs + 500);
    await world.jobsEnd(30_000);
    await world.stop();
  },
);
