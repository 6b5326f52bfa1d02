// Somebody who changes an EphemeralRunnerSet's replicas again and again, without a fence: put right, but not fought at
// their own speed (F54, I26).
import { afterEach, describe, expect, it } from "vitest";
import { ephemeralRunnerSets } from "@runlet/kubernetes/resources";
import { createPollerWorld, type PollerWorld, type WorldOptions } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

const key = { namespace: "runners", name: "linux-east" };

async function serving(options: WorldOptions): Promise<void> {
  world = await createPollerWorld(options);
  world.wake();
  await world.clock.runFor(5_000);
}

async function reset(replicas: number): Promise<void> {
  const { client } = world.cluster("east");
  await client.patch(ephemeralRunnerSets, key, { type: "merge", body: { spec: { replicas } } });
}

/** So many resets, one each 20 ms. */
async function fight(resets: number, replicas = 7): Promise<void> {
  for (let count = 0; count < resets; count++) {
    await reset(replicas);
    await world.clock.runFor(20);
  }
}

const patched = (since = 0) =>
  world.logged("desired_count_patched").filter(({ at }) => at >= since);

describe.each(["acquire", "auto-assign"] as const)("a fight over replicas (%s)", (mode) => {
  it("of 500 resets in ten seconds costs a few patches, holds up no job, and ends with the right pair", async () => {
    await serving({ mode });
    const beganAt = world.clock.nowMs();
    await fight(250);
    const queuedAt = world.clock.nowMs();
    world.queue(1, { durationMs: 120_000 });
    await fight(250);
    const endedAt = world.clock.nowMs();
    expect(endedAt - beganAt).toBeLessThan(11_000);
    expect(patched(beganAt)[0]).toMatchObject({ at: beganAt, why: "drift", replicas: 0 });
    const forJob = patched(queuedAt).find(({ replicas }) => replicas === 1);
    // The first message only announces a job that is to be acquired.
    expect((forJob?.at ?? Infinity) - queuedAt).toBeLessThanOrEqual(100);
    await world.clock.runUntil(() => world.pair()[0] === 1, 31_000, "the right pair");
    await world.clock.runFor(40_000);
    expect(world.pair()[0]).toBe(1);
    expect(patched(beganAt).filter(({ why }) => why === "drift").length).toBeLessThanOrEqual(6);
    expect(patched(beganAt).length).toBeLessThanOrEqual(12);
    const puts = world.puts.filter(({ key, at }) => key.startsWith("checkpoint/") && at >= beganAt);
    expect(puts.length).toBeLessThanOrEqual(12);
    expect(world.logged("replicas_fought")).toMatchObject([
      { level: "warn", target: "east/runners/linux", ordered: 0, found: 7 },
    ]);
    expect(String(world.logged("replicas_fought")[0]?.["remedy"])).toContain(
      "kubectl -n runners get ephemeralrunnerset linux-east",
    );
  });

  it("is forgotten after a quiet minute, and does not hold back the pair of a new object", async () => {
    await serving({ mode });
    await fight(200);
    await world.clock.runUntil(() => world.pair()[0] === 0, 31_000, "the right pair");
    await world.clock.runFor(61_000);
    const againAt = world.clock.nowMs();
    await fight(100);
    expect(patched(againAt)[0]).toMatchObject({ at: againAt, why: "drift" });
    expect(world.pair()[0], "another patch is to wait").toBe(7);
    const { metadata, spec } = world.runnerSet();
    const { client } = world.cluster("east");
    await client.remove(ephemeralRunnerSets, key);
    await world.clock.runFor(10);
    const { name, namespace = "", ownerReferences = [] } = metadata;
    await client.create(ephemeralRunnerSets, {
      apiVersion: "actions.github.com/v1alpha1",
      kind: "EphemeralRunnerSet",
      metadata: { name, namespace, ownerReferences, annotations: { "runlet.dev/fence": "0" } },
      spec: { ...spec, replicas: 7, patchID: 0 },
    });
    await world.clock.runUntil(() => world.pair()[0] === 0, 100, "the new one's pair");
  });

  it("keeps its shard awake until the last reset is put right", async () => {
    await serving({
      mode,
      sets: [{ name: "linux", minRunners: 2 }],
      settings: { restAfterMs: 2_000 },
      knobs: { holdMs: 1_000 },
    });
    await fight(200, 0);
    await world.clock.runUntil(() => world.pair()[0] === 2, 31_000, "the right pair");
    await world.clock.runUntil(() => world.pair()[1] === 0, 2_000, "settled");
    await reset(0);
    await world.clock.runFor(100);
    expect(world.pair()[0], "it is to wait").toBe(0);
    await world.clock.runUntil(() => world.pair()[0] === 2, 31_000, "put right");
    const rested = () => world.invocations[0]?.result?.ended === "rested";
    expect(rested()).toBe(false);
    await world.clock.runUntil(rested, 20_000, "a rest");
    expect(world.pair()).toEqual([2, 0]);
  });
});
