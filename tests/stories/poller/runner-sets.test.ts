import { afterEach, describe, expect, it } from "vitest";
import {
  autoscalingListeners,
  ephemeralRunnerSets,
  namespaces,
} from "@runlet/kubernetes/resources";
import { createPollerWorld, type PollerWorld, type WorldOptions } from "./poller-world.ts";

const modes = ["acquire", "auto-assign"] as const;

let world: PollerWorld;
afterEach(() => world.end());

async function serving(options: WorldOptions): Promise<void> {
  world = await createPollerWorld(options);
  world.wake();
  await world.clock.runFor(5_000);
}

describe.each(modes)("what Runlet must not touch (%s)", (mode) => {
  it("a namespace that is not managed", async () => {
    world = await createPollerWorld({ mode });
    const { client } = world.cluster("east");
    const labels = { "runlet.dev/managed": null };
    await client.patch(
      namespaces,
      { name: "runners" },
      { type: "merge", body: { metadata: { labels } } },
    );
    world.wake();
    await world.clock.runFor(3_000);
    world.queue(1);
    await world.clock.runFor(10_000);
    expect(world.pair()).toEqual([0, 0]);
    expect(world.runnerSet().metadata.annotations).toEqual({ "runlet.dev/fence": "0" });
  });

  it("a runner set that ARC's own listener serves, until that is gone", async () => {
    world = await createPollerWorld({ mode });
    const { client } = world.cluster("east");
    const place = { namespace: "runners", name: "linux-listener" };
    await client.create(autoscalingListeners, {
      apiVersion: "actions.github.com/v1alpha1",
      kind: "AutoscalingListener",
      metadata: place,
      spec: { autoscalingRunnerSetNamespace: "runners", autoscalingRunnerSetName: "linux" },
    });
    world.wake();
    await world.clock.runFor(3_000);
    world.queue(1);
    await world.clock.runFor(10_000);
    expect(world.pair()).toEqual([0, 0]);
    await client.remove(autoscalingListeners, place);
    await world.clock.runUntil(() => world.pair()[0] === 1, 2_000, "the patch");
  });

  it("an EphemeralRunnerSet of another installation, until somebody has given it to us", async () => {
    world = await createPollerWorld({ mode });
    const theirs = "other-installation:3";
    await setFence(theirs);
    world.wake();
    await world.clock.runFor(3_000);
    world.queue(1);
    // Long enough for a poll that ends empty: nothing to serve, so the session is closed.
    await world.clock.runFor(5 * 60_000);
    expect(world.pair()).toEqual([0, 0]);
    expect(world.logged("target_of_another_installation").length).toBe(1);
    expect(world.runnerSet().metadata.annotations?.["runlet.dev/fence"]).toBe(theirs);
    expect(world.service.control.sessions()).toEqual([]);
    const [ours] = String(world.logged("shard_taken")[0]?.["fence"]).split(":");
    await setFence(`${ours}:0`);
    await world.clock.runUntil(() => world.pair()[0] === 1, 2_000, "the patch");
    await world.clock.runUntil(() => world.jobsLeft() === 0, 10_000, "the job");
  });

  it("one that another installation takes while we serve it; the other cluster goes on", async () => {
    world = await createPollerWorld({ mode, clusters: ["east", "west"] });
    world.wake();
    await world.clock.runFor(3_000);
    const theirs = "other-installation:3";
    await setFence(theirs);
    world.queue(2);
    await world.clock.runUntil(() => world.pair("linux", "west")[0] === 2, 2_000, "the patch");
    await world.clock.runFor(60_000);
    expect(world.jobsLeft()).toBe(0);
    expect(world.runnerSet().metadata.annotations?.["runlet.dev/fence"]).toBe(theirs);
    expect(world.logged("target_of_another_installation").length).toBe(1);
    expect(world.logged("scale_set_failed")).toEqual([]);
  });
});

describe.each(modes)("a fence edited by hand (%s)", (mode) => {
  it("to a larger number: a new one is drawn above it, and the next poller's is larger still", async () => {
    await serving({ mode, failureNotices: true });
    world.queue(1, { durationMs: 1_000 });
    await world.clock.runFor(1_000);
    const [installation] = (
      world.runnerSet().metadata.annotations?.["runlet.dev/fence"] ?? ""
    ).split(":");
    await setFence(`${installation}:5000`);
    world.queue(1, { durationMs: 1_000 });
    await world.clock.runUntil(() => world.jobsLeft() === 0, 20_000, "the jobs");
    expect(fenceNumber()).toBeGreaterThan(5_000);
    const before = fenceNumber();
    const [first] = world.invocations;
    if (first) world.kill(first);
    await world.clock.runFor(17_000);
    world.queue(1, { durationMs: 1_000 });
    await world.clock.runUntil(() => world.jobsLeft() === 0, 20_000, "the job");
    expect(fenceNumber()).toBeGreaterThan(before);
  });

  it("to nonsense, or taken away: written anew", async () => {
    await serving({ mode });
    for (const fence of ["who knows", null]) {
      await setFence(fence);
      world.queue(1, { durationMs: 1_000 });
      await world.clock.runUntil(() => world.jobsLeft() === 0, 20_000, "the job");
      expect(fenceNumber()).toBeGreaterThan(0);
    }
  });
});

describe.each(modes)("an EphemeralRunnerSet (%s)", (mode) => {
  it("that was deleted and made anew gets the current pair at once", async () => {
    await serving({ mode, bootMs: 20_000 });
    world.queue(2, { durationMs: 1_000 });
    await world.clock.runUntil(() => world.pair()[0] === 2, 1_000, "the patch");
    const { metadata, spec } = world.runnerSet();
    const { client } = world.cluster("east");
    await client.remove(ephemeralRunnerSets, { namespace: "runners", name: metadata.name });
    await world.clock.runFor(100);
    const { name, namespace = "", ownerReferences = [] } = metadata;
    await client.create(ephemeralRunnerSets, {
      apiVersion: "actions.github.com/v1alpha1",
      kind: "EphemeralRunnerSet",
      metadata: { name, namespace, ownerReferences, annotations: { "runlet.dev/fence": "0" } },
      spec: { ...spec, replicas: 0, patchID: 0 },
    });
    await world.clock.runUntil(() => world.pair()[0] === 2, 2_000, "the pair for the new one");
  });

  it("whose replicas somebody changed is set right at once", async () => {
    await serving({ mode });
    await world.clock.runUntil(() => world.pair()[1] === 0, 110_000, "settled");
    await world
      .cluster("east")
      .client.patch(
        ephemeralRunnerSets,
        { namespace: "runners", name: "linux-east" },
        { type: "merge", body: { spec: { replicas: 7 } } },
      );
    await world.clock.runUntil(() => world.pair()[0] === 0, 2_000, "set right");
  });
});

async function setFence(fence: string | null): Promise<void> {
  const body = { metadata: { annotations: { "runlet.dev/fence": fence } } };
  const key = { namespace: "runners", name: "linux-east" };
  await world.cluster("east").client.patch(ephemeralRunnerSets, key, { type: "merge", body });
}

function fenceNumber(): number {
  return Number(world.runnerSet().metadata.annotations?.["runlet.dev/fence"]?.split(":")[1]);
}
