// JobStarted facts that a cluster will not take: asked for again later each time (I21, I26), and not at all when the
// fact itself is refused; pairs go on meanwhile.
import { afterEach, describe, expect, it } from "vitest";
import { summarizeRow } from "@runlet/coordination/checkpoint-row";
import { rowBytesMax } from "@runlet/coordination/table";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

let world: PollerWorld;
const anyPair = { replicas: expect.any(Number), patchId: expect.any(Number) };
afterEach(() => world.end());

/** Lets a job run whose JobStarted is refused with `status`; tells how often the runner's status was patched. */
async function refuse(status: number): Promise<{ patches: () => number; lift: () => void }> {
  world = await createPollerWorld({ mode: "auto-assign" });
  world.wake();
  await world.clock.runFor(5_000);
  const { api } = world.cluster("east");
  let patched = 0;
  const send = api.fetch;
  api.fetch = (url, init) => {
    const isFact = String(init?.body).includes("jobRequestId");
    if (init?.method === "PATCH" && url.includes("/ephemeralrunners/") && isFact) patched++;
    return send(url, init);
  };
  const lift = api.addFault({
    effect: { kind: "status", status },
    verb: "patch",
    plural: "ephemeralrunners",
  });
  world.queue(1, { durationMs: 300_000 });
  await world.clock.runUntil(() => patched > 0, 10_000, "the first attempt");
  return { patches: () => patched, lift };
}

function idsOf(kind: "message-delivered" | "message-deleted"): Set<number> {
  return new Set(world.events.flatMap((event) => (event.kind === kind ? event.messageId : [])));
}

function jobIds(clusters: string[]): string[] {
  return clusters
    .flatMap((on) =>
      world.cluster(on).api.objects("actions.github.com/v1alpha1", "EphemeralRunner"),
    )
    .flatMap((runner) => (runner["status"] as { jobId?: string } | undefined)?.jobId ?? []);
}

describe("a JobStarted fact", () => {
  it("refused for want of a right is tried a few times a minute, and written once it may be", async () => {
    const { patches, lift } = await refuse(403);
    await world.clock.runFor(60_000);
    expect(patches()).toBeLessThan(12);
    // Another job's pair does not wait for it.
    world.queue(1, { durationMs: 1_000 });
    await world.clock.runUntil(() => world.pair()[0] === 2, 1_000, "the second job's runner");
    lift();
    await world.clock.runUntil(() => jobIds(["east"]).length === 1, 31_000, "the owed fact");
  });

  it("that is refused itself is given up", async () => {
    const { patches } = await refuse(422);
    await world.clock.runFor(60_000);
    expect(patches()).toBe(1);
    expect(world.logged("job_started_refused")).toHaveLength(1);
    expect(world.logged("jobs_started_owed")).toEqual([]);
  });
});

describe.each(["acquire", "auto-assign"] as const)(
  "facts that no checkpoint could hold (%s)",
  (mode) => {
    it("hold up no message: the oldest are dropped and counted, the others and the pairs stay owed", async () => {
      world = await createPollerWorld({ mode, clusters: ["east", "west"], bootMs: 8_000 });
      const { clock, cluster } = world;
      world.wake();
      await clock.runFor(5_000);
      const jobsCount = 120;
      const displayName = "ä".repeat(3_000);
      for (let each = 0; each < jobsCount; each += 20) {
        world.queue(20, { durationMs: 300_000, displayName });
      }
      const ordered = () =>
        ["east", "west"].reduce((sum, on) => sum + world.pair("linux", on)[0], 0);
      await clock.runUntil(() => ordered() === jobsCount, 5_000, "all the runners");
      await clock.runFor(1_000);
      const lifts = ["east", "west"].map((on) =>
        cluster(on).api.addFault({ effect: { kind: "silence" } }),
      );
      const ledger = world.service.control.ledger;
      expect(ledger().counts.running).toBe(0);
      const started = () => ledger().counts.running === jobsCount;
      await clock.runUntil(started, 60_000, "the jobs' start");
      const messages = idsOf("message-delivered");
      await clock.runFor(15_000);
      expect(idsOf("message-deleted")).toEqual(idsOf("message-delivered"));
      expect(messages.size).toBeGreaterThan(3);
      const row = await world.table.get(`checkpoint/${world.keys[0]}`);
      const bytes = Buffer.byteLength(JSON.stringify(row?.value));
      expect(bytes).toBeGreaterThan(250_000);
      expect(bytes).toBeLessThanOrEqual(rowBytesMax);
      expect(Object.values(row ? (summarizeRow(row)?.targets ?? {}) : {})).toEqual([
        expect.objectContaining({ owed: expect.objectContaining({ pair: anyPair }) }),
        expect.objectContaining({ owed: expect.objectContaining({ pair: anyPair }) }),
      ]);
      expect(world.logged("scale_set_failed")).toEqual([]);
      const dropped = world.logged("jobs_started_dropped").map((line) => Number(line["jobsCount"]));
      const lost = dropped.reduce((sum, count) => sum + count, 0);
      expect(lost).toBeGreaterThan(0);
      expect(dropped.length).toBeLessThanOrEqual(messages.size);
      for (const lift of lifts) lift();
      const marked = () => jobIds(["east", "west"]).length;
      await clock.runUntil(() => marked() === jobsCount - lost, 60_000, "the facts that were kept");
    });
  },
);
