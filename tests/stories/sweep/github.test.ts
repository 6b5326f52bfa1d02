// What the sweep asks of GitHub besides: failed webhooks, scale sets that nobody owns; within a budget of calls and
// time, and on each credential's own way.
import { describe, expect, it } from "vitest";
import type { KubernetesClient } from "@runlet/kubernetes/client";
import { autoscalingRunnerSets } from "@runlet/kubernetes/resources";
import { runUntilEnded } from "@runlet/runlet/world/virtual-world";
import { addRunnerSet, namespace } from "../poller/add-runner-set.ts";
import { createSweepWorld, good, scope } from "./sweep-world.ts";

async function createWorldOf(options: Parameters<typeof createSweepWorld>[0] = {}) {
  const world = await createSweepWorld(options);
  await world.registry.putCluster({ name: "east", accessRef: "east" }, undefined);
  await world.addSet("linux", true);
  return world;
}

describe("failed webhooks", () => {
  it("are asked for again, twenty a sweep and each once, by an App as by a PAT", async () => {
    for (const kind of ["pat", "app"] as const) {
      let status = 500;
      const webhooks = [kind === "pat" ? { scope, hookId: 1 } : { scope }];
      const world = await createWorldOf({ webhooks, webhook: () => status });
      world.credential = () => good[kind];
      world.service.control.queueJobs({ scaleSet: "linux", count: 30 });
      await world.clock.runFor(10);
      status = 202;
      expect(await world.sweep()).toMatchObject({ redelivered: 20 });
      expect(world.of("webhooks-redelivered")).toEqual([20]);
      expect(await world.sweep()).toMatchObject({ redelivered: 10 });
      expect(await world.sweep()).toMatchObject({ redelivered: 0 });
    }
  });

  it("are asked for again although there are more than fit on a page", async () => {
    let status = 500;
    const world = await createWorldOf({
      webhooks: [{ scope, hookId: 1 }],
      webhook: () => status,
    });
    world.service.control.queueJobs({ scaleSet: "linux", count: 130 });
    await world.clock.runFor(10);
    status = 202;
    const counts: number[] = [];
    for (let minute = 0; minute < 8; minute++) counts.push((await world.sweep()).redelivered);
    expect(counts).toEqual([20, 20, 20, 20, 20, 20, 10, 0]);
  });

  it("that were refused for their signature or size are left alone", async () => {
    const statuses = [401, 413, 503];
    const world = await createWorldOf({
      webhooks: [{ scope, hookId: 1 }],
      webhook: () => statuses.shift() ?? 202,
    });
    world.service.control.queueJobs({ scaleSet: "linux", count: 3 });
    await world.clock.runFor(10);
    expect(await world.sweep()).toMatchObject({ redelivered: 1 });
  });

  it("are told from those that were delivered, also by a server that lists all of them", async () => {
    const statuses = [202, 500, 302, 202];
    const world = await createWorldOf({
      webhooks: [{ scope, hookId: 1 }],
      webhook: () => statuses.shift() ?? 202,
    });
    world.isOld = true;
    world.service.control.queueJobs({ scaleSet: "linux", count: 4 });
    await world.clock.runFor(10);
    expect(await world.sweep()).toMatchObject({ redelivered: 1 });
    expect(await world.sweep()).toMatchObject({ redelivered: 0 });
  });

  it("that cannot be read are skipped and told of, and the others are asked for again (I23)", async () => {
    let status = 500;
    const world = await createWorldOf({
      webhooks: [{ scope, hookId: 1 }],
      webhook: () => status,
    });
    world.service.control.queueJobs({ scaleSet: "linux", count: 4 });
    await world.clock.runFor(10);
    status = 202;
    world.spoil = (text) =>
      text
        .replace(/"guid":"[^"]+"/, '"guid":7')
        .replace(/("guid":"[^"]+","delivered_at":)"[^"]+"/, '$1"the other day"')
        .replace(/^\[/, "[null,");
    expect(await world.sweep()).toMatchObject({ redelivered: 2 });
    const told = world.lines.filter(({ event }) => event === "deliveries_skipped");
    expect(told).toMatchObject([{ webhook: expect.stringContaining("/hooks/1"), count: 3 }]);
    expect(world.of("sweep-parts-failed")).toEqual([["redeliver", 1]]);
    world.spoil = (text) => text;
    expect(await world.sweep()).toMatchObject({ redelivered: 2 });
    world.spoil = () => '{"message":"no list"}';
    expect(await world.sweep()).toMatchObject({ redelivered: 0 });
    expect(world.lines.map(({ event }) => event)).toContain("redelivery_failed");
  });

  it("leave a fifth of the hour's calls to what cannot do without", async () => {
    const world = await createWorldOf({
      webhooks: [{ scope, hookId: 1 }],
      webhook: () => 500,
      knobs: { restCallsMax: 20 },
    });
    world.service.control.queueJobs({ scaleSet: "linux", count: 10 });
    await world.clock.runFor(10);
    // Every redelivery fails and is another failed delivery, so there is always something to ask for.
    let least = 100;
    for (let minute = 0; minute < 10; minute++) {
      await world.sweep();
      least = Math.min(least, ...world.of("github-calls-left").map(Number));
    }
    const asked = world.asked("redeliver");
    expect(asked).toBeGreaterThan(5);
    // At most one call below the line: the list that showed it.
    expect(least).toBeGreaterThanOrEqual(15);
    expect(world.asked("hookDeliveries")).toBeLessThan(6);
    await world.clock.runFor(3_600_000);
    world.service.control.queueJobs({ scaleSet: "linux", count: 10 });
    await world.clock.runFor(10);
    await world.sweep();
    expect(world.asked("redeliver"), "the next hour").toBeGreaterThan(asked);
  });

  it("take the way of their scope's credential, with its CA and proxy", async () => {
    const world = await createWorldOf({ webhooks: [{ scope, hookId: 1 }] });
    world.credential = () => ({ ...good.pat, ca: "our own CA", proxy: "http://proxy.test:3128" });
    await world.sweep();
    expect(world.ways).toMatchObject([{ ca: "our own CA", proxy: "http://proxy.test:3128" }]);
    expect(world.asked("hookDeliveries")).toBe(1);
    await world.sweep();
    expect(world.ways, "the connections are kept").toHaveLength(1);
    world.credential = () => ({ ...good.pat, ca: "our next CA" });
    await world.sweep();
    expect(world.ways.at(-1)).toMatchObject({ ca: "our next CA" });
  });
});

it("a client of the Actions Service that exists takes a rotated CA with its next call", async () => {
  const world = await createSweepWorld();
  world.credential = () => ({ ...good.pat, ca: "old" });
  const service = await world.findService(scope);
  if (!service) throw new Error("no service was found");
  const list = () => runUntilEnded(world.clock, service.listScaleSets(), 10_000, "the list");
  await list();
  world.credential = () => ({ ...good.pat, ca: "new" });
  world.calledWith.length = 0;
  expect(await list()).toMatchObject({ ok: true });
  expect(new Set(world.calledWith)).toEqual(new Set(["new"]));
});

describe("a scale set at GitHub that nobody serves", () => {
  it("is told of when jobs have waited for it in two lists", async () => {
    const world = await createWorldOf();
    await world.addSet("left-behind", false);
    await world.addSet("idle", false);
    world.service.control.queueJobs({ scaleSet: "left-behind" });
    world.service.control.queueJobs({ scaleSet: "linux" });
    const seen: unknown[] = [];
    const counted: unknown[] = [];
    for (let minute = 0; minute < 14; minute++) {
      await world.sweep();
      seen.push(...world.lines.filter(({ event }) => event === "scale_set_unowned"));
      counted.push(...world.of("scale-sets-unowned"));
      await world.clock.runFor(50_000);
    }
    expect(seen).toMatchObject([{ scope: "github.com/acme", name: "left-behind" }]);
    expect(counted).toEqual([1]);
    expect(world.asked("listScaleSets")).toBe(2);
  });
});

describe("a sweep", () => {
  it("wakes who is not served within a second, although every question to GitHub hangs", async () => {
    const world = await createWorldOf({ webhooks: [{ scope, hookId: 1 }] });
    for (const route of ["rateLimit", "hookDeliveries", "registrationToken"] as const) {
      world.service.control.addFault({ route, times: 9, hang: true });
    }
    const startedAt = world.clock.nowMs();
    await world.sweep(35_000);
    expect(world.invoked).toMatchObject([{ shard: "shard-0" }]);
    expect((world.invoked[0]?.at ?? Infinity) - startedAt).toBeLessThan(1_000);
    expect(world.of("sweep-parts-failed")).toContainEqual(["redeliver", 1]);
    expect(world.of("sweep-time")).toEqual([expect.any(Number)]);
  });

  it("counts what it finds: silent clusters, shards without a holder, calls of the REST API", async () => {
    const world = await createWorldOf();
    await world.sweep();
    expect(world.of("clusters-silent")).toEqual([["east", 1]]);
    expect(world.of("shards-unserved")).toEqual([1]);
    expect(world.of("sweep-wakes")).toEqual([["never-served", 1]]);
    expect(world.of("scale-sets")).toEqual([1]);
    // The credential's proof, and what leads to the service's list: token and registration.
    expect(world.of("github-calls")).toEqual([1, 2, 3].map(() => ["answered", 1]));
    expect(world.of("github-calls-left").length).toBe(3);
  });

  it("deletes a shared scale set after its last target, when every cluster says that it is gone", async () => {
    const world = await createSweepWorld();
    const key = { namespace, name: "linux" };
    const clients = new Map<string, KubernetesClient>();
    const id = await world.addSet("linux", false);
    for (const name of ["east", "west"]) {
      const client = await world.addCluster(name);
      clients.set(name, client);
      await world.registry.putCluster({ name, accessRef: name }, undefined);
      await addRunnerSet({ name, client }, { name: "linux" }, id);
    }
    const isThere = () => world.service.control.findScaleSet("linux") !== undefined;
    await world.sweep();
    await clients.get("east")?.remove(autoscalingRunnerSets, key);
    world.clusters.get("west")?.setFaults([{ effect: { kind: "unreachable" } }]);
    await world.sweep();
    expect([isThere(), world.of("clusters-silent")], "west may have it").toEqual([
      true,
      [["west", 1]],
    ]);
    world.clusters.get("west")?.setFaults([]);
    await world.sweep();
    expect(isThere(), "west has it").toBe(true);
    await clients.get("west")?.remove(autoscalingRunnerSets, key);
    await world.sweep();
    expect([isThere(), world.of("scale-sets-deleted")]).toEqual([false, [1]]);
  });
});
