// Why: hand-over between replicas, with real processes, real signals and a real Lease. What each of them wrote is told
// instant by instant under a virtual clock (tests/stories/reconciler/leader-election.test.ts).
import { autoscalingRunnerSets } from "@runlet/kubernetes/resources";
import { reconcilerSettings } from "@runlet/reconciler/settings";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { electionFlags } from "./reconciler-access.ts";
import { namespace, nothing, startReconcilerBed, type ReconcilerBed } from "./reconciler-bed.ts";
import type { ReconcilerProcess } from "./reconciler-process.ts";

let bed: ReconcilerBed;
let leader: ReconcilerProcess;
let other: ReconcilerProcess;
let patchId = 0;

const handOverMs = 15_000;

async function startTwo() {
  leader = await bed.startReconciler(electionFlags);
  await leader.until("reconciler_ready");
  other = await bed.startReconciler(electionFlags);
  await other.until("leader_seen");
}

/** Orders so many runners and strikes while they are being made. */
async function orderAndStrike(replicas: number, signal: NodeJS.Signals): Promise<number> {
  await bed.order("builders", replicas, ++patchId);
  await bed.eventually("the first of them", async () => (await bed.runners()).length > 0);
  leader.signal(signal);
  return bed.clock.wallMs();
}

async function allRunning(count: number) {
  const running = async () =>
    (await bed.runners()).filter(({ status }) => status?.phase === "Running");
  await bed
    .eventually(`${count} runners`, async () => (await running()).length === count)
    .catch(() => {});
  expect(await running()).toHaveLength(count);
  expect(bed.github.control.runners()).toHaveLength(count);
}

/** What a deed would change: runners as they were last written, and registrations. */
async function everything() {
  const runners = (await bed.runners()).map(({ metadata }) => {
    return `${metadata.name} ${metadata.resourceVersion}`;
  });
  const registrations = bed.github.control.runners().map(({ name, id }) => `${name} ${id}`);
  return { runners: runners.toSorted(), registrations: registrations.toSorted() };
}

/** Ms from `struckAt` until the other replica led. */
async function successionMs(struckAt: number): Promise<number> {
  const { time } = await other.until("leader_elected", handOverMs + 5_000);
  return Date.parse(time) - struckAt;
}

beforeAll(async () => {
  bed = await startReconcilerBed();
  await startTwo();
  await bed.serve("builders", "  maxRunners: 50");
}, 180_000);

afterAll(() => bed?.stop());

describe("of two replicas on a real API server", () => {
  test("one acts; the other is ready and shows no sets", async () => {
    expect(other.lines("leader_elected")).toEqual([]);
    expect((await other.page("/readyz")).status).toBe(200);
    expect((await other.page("/healthz")).status).toBe(200);
    expect((await other.page("/metrics")).text).toContain("runlet_reconciler_leader 0\n");
    expect((await other.page("/metrics")).text).not.toContain("gha_");
    expect((await leader.page("/metrics")).text).toContain("runlet_reconciler_leader 1\n");
  });

  test("the other takes over within 15 s of a SIGKILL in the middle of work", async () => {
    const struckAt = await orderAndStrike(20, "SIGKILL");
    expect(await leader.ended).toBe("SIGKILL");
    expect(await successionMs(struckAt)).toBeLessThan(handOverMs);
    await allRunning(20);
  });

  test("the other takes over within 15 s of a SIGSTOP, and the one that wakes begins nothing more", async () => {
    leader = other;
    other = await bed.startReconciler(electionFlags);
    const struckAt = await orderAndStrike(30, "SIGSTOP");
    expect(await successionMs(struckAt)).toBeLessThan(handOverMs);
    await allRunning(30);
    const before = await everything();
    leader.signal("SIGCONT");
    await leader.until("leader_lost", 5_000);
    await bed.clock.sleep(3_000);
    const after = await everything();
    // A request that was being written when it was frozen goes on its way when it wakes; no lease can call it back.
    const arrived = after.runners.length - before.runners.length;
    expect(arrived).toBeLessThanOrEqual(reconcilerSettings.writesAtOnce);
    expect(after.runners).toEqual(expect.arrayContaining(before.runners));
    expect(after.registrations).toEqual(expect.arrayContaining(before.registrations));
    await bed.clock.sleep(3_000);
    expect(await everything()).toEqual(after);
    expect(leader.lines("leader_elected")).toHaveLength(1);
    // The next order to converge, which the poller gives when all is quiet, takes away what is too much.
    await bed.order("builders", 30, 0);
    await allRunning(30);
  });

  test("the other takes over at once when the leader is told to stop", async () => {
    // The one that was frozen waits again; the roles have changed.
    [leader, other] = [other, leader];
    const before = other.lines("leader_elected").length;
    leader.signal("SIGTERM");
    const stoppedAt = bed.clock.wallMs();
    expect(await leader.ended).toBe(0);
    await bed.eventually("a successor", () => other.lines("leader_elected").length > before, 5_000);
    const { time } = other.lines("leader_elected").at(-1) ?? { time: "" };
    expect(Date.parse(time) - stoppedAt).toBeLessThan(3_000);
  });

  test("nothing is left over when the set is deleted", async () => {
    await bed.admin.remove(autoscalingRunnerSets, { namespace, name: "builders" });
    await bed.eventually("nothing left", async () => {
      return JSON.stringify(await bed.leftovers()) === JSON.stringify(nothing);
    });
    other.signal("SIGTERM");
    expect(await other.ended).toBe(0);
    expect(other.output() + leader.output()).not.toMatch(/forbidden/i);
  });
});
