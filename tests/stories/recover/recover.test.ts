// docs/recover.md, played: what the control plane knows is lost in the middle of work. The clusters and their
// reconcilers live on, jobs wait, and another deployment takes over.
import { keys } from "@runlet/coordination/keys";
import { adoptCluster } from "@runlet/runlet/commands/cluster-adopt";
import { annotations, type EphemeralRunnerSet } from "@runlet/kubernetes/resources";
import { countLeftovers, findLeftovers } from "@runlet/runlet/world/leftovers";
import type { ScaleSetPlan } from "@runlet/runlet/world/plan-scenario";
import { judgeRefusals } from "@runlet/runlet/world/report";
import { createInProcessTransport } from "@runlet/runlet/world/transport";
import { runUntilEnded } from "@runlet/runlet/world/virtual-world";
import { demoSettings } from "@runlet/runtime/settings";
import { describe, expect, it } from "vitest";
import { placeOfWorld } from "../world/place-of-world.ts";
import { linux, modes, startWorld, type RunningWorld } from "../world/running-world.ts";
import { createLosableTable, type LosableTable } from "./losable-table.ts";
import { deployAgain } from "./second-deployment.ts";

const { leaseMs, sweepEveryMs } = demoSettings;
/** The service's, in this world; about 90 s outside. */
const sessionLapseMs = 6_000;
/** The longest wait between two tries for a session that somebody has (decide-session.ts). */
const lapseRetryMs = 10_000;
const shared: ScaleSetPlan = { ...linux, clusters: ["east", "west"] };
const gpu: ScaleSetPlan = { ...linux, name: "gpu", minRunners: 1 };

describe.each(modes)("what the control plane knew is lost, in %s mode", (mode) => {
  it("region and table: another deployment touches nothing until it is told to, then serves every waiting job", async () => {
    const { world, table, fetch } = await startBusy(mode);
    const running = jobsIn(world, "running");
    expect(running.length).toBeGreaterThan(3);
    await die(world, table);
    world.queue("linux", { count: 4, durationMs: 2_000 });
    world.queue("gpu", { durationMs: 2_000 });
    // What has a runner needs no control plane.
    await world.clock.runFor(6_000);
    expect(running.filter((key) => stateOf(world, key) !== "completed")).toEqual([]);
    const before = fencesOf(world);

    const next = await createLosableTable();
    const functions = await deployAgain(world, { table: next, fetch });
    await world.clock.runFor(sessionLapseMs + lapseRetryMs);
    expect(toldForeign(world)).toEqual([
      "east/runners/gpu",
      "east/runners/linux",
      "west/runners/linux",
    ]);
    expect(fencesOf(world)).toEqual(before);
    // Nor does it hold what the other one would need, should that come back.
    expect(world.service.control.sessions()).toEqual([]);

    await adopt(world, next, "east");
    await adopt(world, next, "west");
    const adoptedAt = world.clock.nowMs();
    await world.jobsEnd(15_000);
    expect(lastStart(world) - adoptedAt).toBeLessThan(4_000);
    const owners = new Set(fencesOf(world).map((fence) => fence.split(":")[0]));
    expect(owners.size).toBe(1);
    expect(before.some((fence) => owners.has(fence.split(":")[0] ?? ""))).toBe(false);
    await end(world, functions);
  }, 60_000);

  it("the table, restored as it was earlier: its numbers are raised above the clusters', sessions go on, and nobody is asked", async () => {
    const { world, table, fetch } = await startBusy(mode);
    const copy = await table.copy();
    // Numbers are drawn, messages handled and jobs finished that the copy knows nothing of.
    for (const poller of world.functions.running()) poller.kill();
    await world.clock.runFor(3 * demoSettings.invocationMs);
    world.queue("linux", { count: 4, durationMs: 4_000 });
    world.queue("gpu", { durationMs: 4_000 });
    await world.clock.runFor(1_000);
    const before = fencesOf(world).map(numberOf);
    const counter = Number((await copy.get(keys.fenceCounter))?.value["n"]);
    // The next number that the copy's counter gives is one that the clusters refuse.
    expect(Math.min(...before)).toBeGreaterThan(counter + 1);
    await die(world, table);
    const diedAt = world.clock.nowMs();
    world.queue("linux", { count: 2, durationMs: 500 });
    const functions = await deployAgain(world, { table: copy, fetch });
    await world.jobsEnd(30_000);
    // The copy's lease stands still for one length; then its shard is free.
    expect(lastStart(world) - diedAt).toBeLessThan(leaseMs + 2 * sweepEveryMs + 2_000);
    const after = fencesOf(world).map(numberOf);
    expect(after.every((n, at) => n > (before[at] ?? 0))).toBe(true);
    expect(judgeRefusals(world.recorder.facts()).unexplained).toBe(0);
    await end(world, functions);
  }, 60_000);

  it("the key: sessions that cannot be opened are made anew once the service has let them lapse", async () => {
    const { world, table, fetch } = await startBusy(mode);
    await world.functions.stop();
    const diedAt = world.clock.nowMs();
    world.queue("linux", { count: 2, durationMs: 500 });
    const sealKey = new Uint8Array(32).fill(8);
    const functions = await deployAgain(world, { table, fetch, sealKey });
    await world.jobsEnd(60_000);
    const isUnreadable = world.recorder
      .lines()
      .some(({ event }) => event === "checkpoint_unreadable");
    expect(isUnreadable).toBe(true);
    const waited = lastStart(world) - diedAt;
    expect(waited).toBeLessThan(sessionLapseMs + lapseRetryMs + sweepEveryMs + 2_000);
    expect(fencesOf(world).every((fence) => numberOf(fence) > 0)).toBe(true);
    await end(world, functions);
  }, 60_000);
});

/** Two sets, one of them on two clusters, with jobs that run and more than the first wave has ended. */
async function startBusy(mode: (typeof modes)[number]) {
  const table = await createLosableTable();
  const transport = createInProcessTransport();
  const settings = { restAfterMs: undefined };
  const world = await startWorld({ mode, scaleSets: [shared, gpu], table, transport, settings });
  world.queue("linux", { count: 3 });
  await world.jobsEnd(10_000);
  world.queue("linux", { count: 4, durationMs: 5_000 });
  world.queue("gpu", { count: 2, durationMs: 4_000 });
  await world.until(() => jobsIn(world, "running").length === 6, 5_000, "six running jobs");
  return { world, table, fetch: transport.fetch };
}

/** Every invocation, the sweep and the table at once. */
async function die(world: RunningWorld, table: LosableTable): Promise<void> {
  await world.functions.stop();
  table.lose();
}

/** `runlet cluster adopt NAME --yes` */
async function adopt(world: RunningWorld, table: LosableTable, name: string): Promise<void> {
  const place = placeOfWorld(world, table);
  const call = { names: [name], values: { yes: true }, tell: () => {}, open: async () => place };
  const { failed, text } = await runUntilEnded(world.clock, adoptCluster.run(call), 5_000, "adopt");
  expect([failed, text]).toEqual([false, expect.stringMatching(/^adopted runners\//)]);
}

/** Every job did what it should, once; and nothing is left when the sets are deleted. */
async function end(world: RunningWorld, functions: { stop(): Promise<void> }): Promise<void> {
  const { jobs } = world.service.control.ledger();
  expect(jobs.filter(({ outcome }) => outcome !== "succeeded")).toEqual([]);
  const starts = world.recorder.facts().filter(({ kind }) => kind === "job-started").length;
  expect(starts).toBe(jobs.length);
  await world.deleteSet("east", "linux");
  await world.deleteSet("west", "linux");
  await world.deleteSet("east", "gpu");
  const left = () => countLeftovers(findLeftovers(world));
  await world.until(() => left() === 0, 60_000, "an empty world");
  await functions.stop();
  await world.stop();
}

function jobsIn(world: RunningWorld, state: string): string[] {
  const { jobs } = world.service.control.ledger();
  return jobs.filter((job) => job.state === state).map(({ key }) => key);
}

function stateOf(world: RunningWorld, key: string): string | undefined {
  return world.service.control.ledger().jobs.find((job) => job.key === key)?.state;
}

function toldForeign({ recorder }: RunningWorld): string[] {
  const told = recorder.lines().filter(({ event }) => event === "target_of_another_installation");
  return [...new Set(told.map(({ target }) => String(target)))].toSorted((a, b) =>
    a.localeCompare(b),
  );
}

function lastStart({ recorder }: RunningWorld): number {
  return Math.max(
    ...recorder.facts().flatMap((fact) => (fact.kind === "job-started" ? [fact.at] : [])),
  );
}

/** Of every runner set, in the order of clusters and names. */
function fencesOf({ clusters }: RunningWorld): string[] {
  return [...clusters.values()].flatMap(({ api }) =>
    // `as`: the store holds what was written as this kind.
    (
      api.objects(
        "actions.github.com/v1alpha1",
        "EphemeralRunnerSet",
      ) as unknown as EphemeralRunnerSet[]
    )
      .toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name))
      .map(({ metadata }) => metadata.annotations?.[annotations.fence] ?? ""),
  );
}

const numberOf = (fence: string) => Number(fence.split(":")[1]);
