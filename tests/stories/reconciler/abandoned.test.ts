// What is being deleted while nobody can ask the service: how long it waits, for what, and that a restart of the
// reconciler does not begin the wait anew.
import { describe, expect, it } from "vitest";
import { ephemeralRunners, secrets } from "@runlet/kubernetes/resources";
import type { ReconcilerSettings } from "@runlet/reconciler/settings";
import { createWorld, namespace, nothing, pat, type World } from "./reconciler-world.ts";

const user = "system:serviceaccount:default:runlet-reconciler";
const minute = 60_000;
const hour = 60 * minute;

function writeToken(world: World, token: string) {
  const data = { github_token: Buffer.from(token).toString("base64") };
  const key = { namespace, name: "github-secret" };
  return world.admin.patch(secrets, key, { type: "merge", body: { data } });
}

/** GitHub takes neither the token nor what was got with it. */
async function revoke(world: World) {
  await writeToken(world, "ghp_revoked");
  world.github.control.expireAdminTokens();
}

async function serveOne(job?: { durationMs: number }, settings: Partial<ReconcilerSettings> = {}) {
  const world = createWorld({ reconciler: { settings } });
  await world.serve("builders");
  if (job) world.github.control.queueJobs({ scaleSet: "builders", ...job });
  await world.order("builders", 1, 1);
  await world.clock.runFor(5_000);
  if (job) await world.tellJobs();
  return world;
}

const reasons = (world: World) => world.events().map(({ reason }) => reason);

describe("a runner that is deleted while GitHub refuses the token", () => {
  it("idle, its pod alive: says what it waits for, and goes an hour later with its pod", async () => {
    const world = await serveOne();
    await revoke(world);
    await world.deleteSet("builders");
    await world.clock.runFor(55 * minute);
    expect(world.pods()).toHaveLength(1);
    const { reason, message } = world.runners()[0]?.status ?? {};
    expect(reason).toBe("RemovalUnanswered");
    expect(message).toMatch(/unauthorized/);
    await world.clock.runFor(7 * minute);
    expect(world.runners()).toEqual([]);
    expect(world.pods()).toEqual([]);
    expect(reasons(world)).toContain("RegistrationAbandoned");
    await world.clock.runFor(65 * minute);
    expect(world.autoscaling()).toEqual([]);
  });

  it("at work: it is left alone until its job has ended, and goes an hour after that", async () => {
    const world = await serveOne({ durationMs: 3 * hour });
    await revoke(world);
    await world.deleteSet("builders");
    // A set that leaves lets a runner that is known to be at work alone; this one is deleted by hand.
    const name = world.runners()[0]?.metadata.name ?? "";
    await world.admin.remove(ephemeralRunners, { namespace, name });
    await world.clock.runFor(3 * hour - minute);
    expect(world.github.control.ledger().counts).toMatchObject({ running: 1 });
    expect(world.pods()).toHaveLength(1);
    await world.clock.runFor(55 * minute);
    expect(world.github.control.ledger().counts).toMatchObject({ completed: 1 });
    expect(world.runners()).toHaveLength(1);
    await world.clock.runFor(10 * minute);
    expect(world.leftovers()).toEqual(nothing);
  });

  it("idle, and the token is changed in time: its registration goes, too", async () => {
    const world = await serveOne();
    await revoke(world);
    await world.deleteSet("builders");
    await world.clock.runFor(50 * minute);
    await writeToken(world, pat);
    await world.clock.runFor(2 * minute);
    expect(world.leftovers()).toEqual(nothing);
    expect(world.autoscaling()).toEqual([]);
    expect(world.github.control.scaleSets()).toEqual([]);
    expect(reasons(world)).not.toContain("RegistrationAbandoned");
  });
});

describe("a runner that is deleted while the service does not answer", () => {
  it("idle, its pod alive: an outage of GitHub may take longer than the hour; after its own time (here three) it goes", async () => {
    const world = await serveOne(undefined, { unansweredGiveUpMs: 3 * hour });
    world.github.control.addFault({ route: "*", status: 503, times: 100_000 });
    await world.deleteSet("builders");
    await world.clock.runFor(3 * hour - minute);
    expect(world.pods()).toHaveLength(1);
    await world.clock.runFor(5 * minute);
    expect(world.runners()).toEqual([]);
    expect(world.pods()).toEqual([]);
  });
});

describe("a namespace that is deleted while no reconciler runs", () => {
  it("and that may not be read any more when one does: all of it is gone within a minute", async () => {
    const world = await serveOne();
    await world.first?.stop();
    const kind = { group: "", version: "v1", plural: "namespaces", kind: "Namespace" };
    await world.admin.remove({ ...kind, namespaced: false }, { name: namespace });
    const effect = { kind: "status", status: 403, message: "no Role any more" } as const;
    world.kube.setFaults(
      ["pods", "secrets"].map((plural) => ({ user, verb: "get", plural, effect })),
    );
    world.start();
    await world.clock.runFor(minute);
    expect(world.runners()).toEqual([]);
    expect(world.runnerSets()).toEqual([]);
    expect(world.autoscaling()).toEqual([]);
  });
});

describe("a scale set that GitHub does not delete", () => {
  it("is left to it an hour after the first refusal, though the reconciler is restarted every 20 minutes", async () => {
    const world = createWorld();
    await world.serve("builders");
    await revoke(world);
    await world.deleteSet("builders");
    let running = world.first;
    for (let restart = 0; restart < 2; restart++) {
      await world.clock.runFor(20 * minute);
      await running?.stop();
      running = world.start();
    }
    await world.clock.runFor(15 * minute);
    expect(world.autoscaling()).toHaveLength(1);
    await world.clock.runFor(10 * minute);
    expect(world.autoscaling()).toEqual([]);
    expect(reasons(world)).toContain("ScaleSetAbandoned");
  });

  it("is asked about for an hour also when its last job ended hours after the deletion", async () => {
    const world = await serveOne({ durationMs: 3 * hour });
    world.github.control.addFault({ route: "deleteScaleSet", status: 503, times: 40 });
    await world.deleteSet("builders");
    await world.clock.runFor(3 * hour + 10 * minute);
    expect(world.runners()).toEqual([]);
    expect(world.autoscaling()).toHaveLength(1);
    await world.clock.runFor(40 * minute);
    expect(world.autoscaling()).toEqual([]);
    expect(world.github.control.scaleSets()).toEqual([]);
  });
});
