// Why: github.com's broker as it was measured: no announcement and no acquire, the capacity of a
// poll is the gate.
import { expect, test } from "vitest";
import { bodyOf, createBed, entriesOf, host } from "./protocol-fixture.ts";

async function openBed(knobs = {}) {
  const bed = createBed("auto-assign", knobs);
  const admin = await bed.connect();
  const set = await bed.createSet(admin, "my-set");
  return { ...bed, admin, set };
}

test("the broker's addresses have no tenant, no slash at the end and no query", async () => {
  const { admin, set, session } = await openBed();
  expect(admin.url).toBe(`${host}/rest/_apis`);
  expect((await session(admin, set)).url).toBe(`${host}/scalesets/message`);
});

test("a waiting job is assigned to the poll that has room, with a UUID and no request id", async () => {
  const { admin, set, session, poll, acknowledge, control } = await openBed();
  control.queueJobs({ scaleSet: "my-set", count: 2 });
  const one = await session(admin, set);
  expect(one.json["statistics"]).toMatchObject({ totalAvailableJobs: 0, totalAssignedJobs: 0 });
  const message = await poll(one, 0, 5);
  expect(message.json).toMatchObject({
    messageId: 100_000_001,
    statistics: { totalAssignedJobs: 2, totalRunningJobs: 0 },
  });
  for (const entry of bodyOf(message)) {
    expect(entry).toMatchObject({ messageType: "JobAssigned", runnerRequestId: 0 });
    expect(entry["jobId"]).toMatch(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/);
  }
  expect((await acknowledge(one, 100_000_001)).status).toBe(204);
});

test("capacity is a total, judged at each poll: 0 holds, 1 brings one, 2 the second", async () => {
  const { admin, set, clock, session, poll, acknowledge, control } = await openBed();
  control.queueJobs({ scaleSet: "my-set", count: 2 });
  const one = await session(admin, set);
  const held = poll(one, 0, 0);
  await clock.runFor(50_000);
  expect((await held).status).toBe(202);
  const first = await poll(one, 0, 1);
  expect(first.json["statistics"]).toMatchObject({ totalAssignedJobs: 1 });
  await acknowledge(one, 100_000_001);
  const full = poll(one, 100_000_001, 1);
  await clock.runFor(50_000);
  expect((await full).status).toBe(202);
  expect(entriesOf(await poll(one, 100_000_001, 2))).toHaveLength(1);
});

test("a poll that is held gets the jobs that come, all of an instant in one message", async () => {
  const { admin, set, clock, session, poll, control } = await openBed();
  const held = poll(await session(admin, set), 0, 3);
  await clock.runFor(1_000);
  control.queueJobs({ scaleSet: "my-set", count: 5 });
  expect(entriesOf(await held)).toHaveLength(3);
  expect(control.ledger().counts).toMatchObject({ queued: 5, assigned: 3, available: 2 });
});

test("acquirejobs is not routed, and its 404 is plain text", async () => {
  const { admin, set, session, acquire, call } = await openBed();
  const answer = await acquire(await session(admin, set), set, "[1]");
  expect([answer.status, answer.text]).toEqual([404, "404 page not found"]);
  expect(answer.headers.get("content-type")).toContain("text/plain");
  const list = await call("GET", `${set}/acquirablejobs`, { token: admin.token });
  expect(list.status).toBe(204);
});

test("without a session a set is assigned jobs only if the knob says so", async () => {
  for (const assignWithoutSession of [false, true]) {
    const { admin, set, clock, session, control } = await openBed({ assignWithoutSession });
    control.queueJobs({ scaleSet: "my-set", count: 2 });
    await clock.settle();
    const opened = await session(admin, set);
    expect(opened.json["statistics"]).toMatchObject({
      totalAssignedJobs: assignWithoutSession ? 2 : 0,
    });
  }
});

test("a set whose listener vanished is assigned what waits as soon as its session lapses", async () => {
  const { admin, set, clock, session, control } = await openBed({ assignWithoutSession: true });
  await session(admin, set);
  control.queueJobs({ scaleSet: "my-set" });
  await clock.runFor(89_000);
  expect(control.ledger().counts.assigned).toBe(0);
  await clock.runFor(2_000);
  expect(control.ledger().counts.assigned).toBe(1);
});

test("of two sets with the label the one that polls gets the job, and it is assigned once", async () => {
  const { admin, set, session, poll, createSet, control, clock } = await openBed();
  const other = await createSet(admin, "other", { labels: [{ name: "my-set" }] });
  control.queueJobs({ scaleSet: "my-set" });
  expect(entriesOf(await poll(await session(admin, other)))).toHaveLength(1);
  const late = poll(await session(admin, set));
  await clock.runFor(50_000);
  expect((await late).status).toBe(202);
});
