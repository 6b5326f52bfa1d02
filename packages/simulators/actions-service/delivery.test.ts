// Why: at least once, in order, at most fifty to a message, and gone only when deleted.
import { expect, test } from "vitest";
import { createBed, entriesOf, idsOf } from "./protocol-fixture.ts";

async function openBed(knobs = {}) {
  const bed = createBed("acquire", knobs);
  const admin = await bed.connect();
  const set = await bed.createSet(admin, "my-set");
  const listener = await bed.session(admin, set);
  return { ...bed, admin, set, listener };
}

test("a poll that is held is answered at the instant a job comes, else after the hold with an empty 202", async () => {
  const { clock, listener, poll, control, events } = await openBed();
  const quiet = poll(listener);
  await clock.runFor(50_000);
  const empty = await quiet;
  expect([empty.status, empty.text, empty.headers.get("content-length")]).toEqual([202, "", "0"]);
  const held = poll(listener);
  await clock.runFor(12_345);
  control.queueJobs({ scaleSet: "my-set" });
  expect((await held).status).toBe(200);
  expect(events.findLast((event) => event.kind === "message-delivered")?.at).toBe(62_345);
});

test("a message carries at most fifty entries; the rest comes in the next ones", async () => {
  const { listener, poll, control } = await openBed();
  control.queueJobs({ scaleSet: "my-set", count: 120 });
  const counts = [];
  for (const last of [0, 1, 2]) {
    const message = await poll(listener, last);
    counts.push(entriesOf(message).length);
    expect(message.json["statistics"]).toMatchObject({ totalAvailableJobs: 120 });
  }
  expect(counts).toEqual([50, 50, 20]);
});

test("a message comes again until it is deleted, to a later session too, under the same id", async () => {
  const bed = await openBed();
  const { call, connect, admin, set, clock, listener, session, poll, acknowledge, control } = bed;
  control.queueJobs({ scaleSet: "my-set" });
  await poll(listener);
  control.queueJobs({ scaleSet: "my-set" });
  await poll(listener, 1);
  await call("DELETE", `${set}/sessions/${listener.id}`, { token: admin.token });
  await clock.runFor(13 * 60 * 60_000);
  const later = await session(await connect(), set, "other");
  expect((await poll(later)).json["messageId"]).toBe(1);
  expect((await poll(later, 1)).json["messageId"]).toBe(2);
  expect((await acknowledge(later, 1)).status).toBe(204);
  expect((await acknowledge(later, 1)).status).toBe(404);
  expect((await poll(later)).json["messageId"]).toBe(2);
});

test("statistics are counted when the answer is sent, not when the message was made", async () => {
  const { set, listener, poll, acquire, control } = await openBed();
  control.queueJobs({ scaleSet: "my-set" });
  const first = await poll(listener);
  await acquire(listener, set, idsOf(first));
  const again = await poll(listener);
  expect(entriesOf(again)).toEqual(["JobAvailable:5101"]);
  expect(again.json["statistics"]).toMatchObject({ totalAvailableJobs: 0, totalAssignedJobs: 1 });
});

test("an aborted poll delivers nothing and loses nothing", async () => {
  const { clock, listener, poll, control, events } = await openBed();
  const abort = new AbortController();
  const held = poll(listener, 0, 10, abort.signal);
  await clock.runFor(1_000);
  abort.abort(new Error("enough"));
  await expect(held).rejects.toThrow("enough");
  control.queueJobs({ scaleSet: "my-set" });
  expect(events.filter((event) => event.kind === "message-delivered")).toEqual([]);
  expect(entriesOf(await poll(listener))).toEqual(["JobAvailable:5101"]);
  const ends = events.filter((event) => event.kind === "poll-closed");
  expect(ends.map((event) => [event.at, event.outcome])).toEqual([
    [1_000, "aborted"],
    [1_000, "message"],
  ]);
  expect(control.requests().at(-2)?.status).toBe("aborted");
});

test("what happens between two polls shares a message, and so does what comes within the delivery delay", async () => {
  const { clock, listener, poll, control } = await openBed({ deliveryDelayMs: 200 });
  const held = poll(listener);
  await clock.runFor(1_000);
  control.queueJobs({ scaleSet: "my-set" });
  await clock.runFor(100);
  const [second] = control.queueJobs({ scaleSet: "my-set" });
  control.cancelJob(second?.key ?? "");
  await clock.runFor(100);
  expect(entriesOf(await held)).toEqual([
    "JobAvailable:5101",
    "JobAvailable:5102",
    "JobCompleted:5102",
  ]);
});

test("a job cancelled before it ran completes as canceled, without a runner and without its times", async () => {
  for (const unsetTimes of ["absent", "null", "zero"] as const) {
    const { set, listener, poll, acquire, control } = await openBed({ unsetTimes });
    const [job] = control.queueJobs({ scaleSet: "my-set" });
    await acquire(listener, set, idsOf(await poll(listener)));
    control.cancelJob(job?.key ?? "");
    const body = String((await poll(listener, 1)).json["body"]);
    expect(body).toContain(`"result":"canceled","runnerId":0,"runnerName":""`);
    const unset = { absent: "}", null: `null`, zero: `"0001-01-01T00:00:00Z"` }[unsetTimes];
    expect(body.includes(`"runnerAssignTime":${unset}`)).toBe(unsetTimes !== "absent");
    expect(body.includes("runnerAssignTime")).toBe(unsetTimes !== "absent");
    expect(control.ledger().counts).toMatchObject({ completed: 1, canceled: 1 });
  }
});

test("an assigned job that nobody starts is given up, queued again under a new id, three times", async () => {
  const { set, clock, listener, poll, acquire, control } = await openBed({
    startTimeoutMs: 10_000,
    sessionLapseMs: 1e9,
  });
  control.queueJobs({ scaleSet: "my-set" });
  const requestIds = new Set<string>();
  let last = 0;
  for (let round = 0; round < 4; round++) {
    const available = await poll(listener, last);
    // The message may also tell of the assignment given up: the new id is the last one.
    const requestId = idsOf(available).match(/\d+(?=\]$)/)?.[0] ?? "";
    requestIds.add(requestId);
    await acquire(listener, set, `[${requestId}]`);
    last = Number(available.json["messageId"]);
    await clock.runFor(10_000 * 2 ** round);
  }
  expect(requestIds.size).toBe(4);
  const final = await poll(listener, last);
  expect(entriesOf(final)).toEqual(["JobAssigned:5101", "JobCompleted:5101"]);
  expect(control.ledger().counts).toMatchObject({ available: 0, completed: 1, canceled: 1 });
});

test("with a delay an acquired job is not yet assigned", async () => {
  const { set, clock, listener, poll, acquire, control } = await openBed({ assignDelayMs: 500 });
  control.queueJobs({ scaleSet: "my-set" });
  await acquire(listener, set, idsOf(await poll(listener)));
  const statistics = () => control.ledger().scaleSets[0]?.statistics;
  expect(statistics()).toMatchObject({ totalAcquiredJobs: 1, totalAssignedJobs: 0 });
  await clock.runFor(500);
  expect(statistics()).toMatchObject({ totalAcquiredJobs: 0, totalAssignedJobs: 1 });
});

test("only a part of the ids is acquired when the knob says so, and the rest stays available", async () => {
  const { set, listener, poll, acquire, control } = await openBed({ acquireAtMost: 1 });
  control.queueJobs({ scaleSet: "my-set", count: 3 });
  const answer = await acquire(listener, set, idsOf(await poll(listener)));
  expect(answer.json["count"]).toBe(1);
  expect(control.ledger().counts).toMatchObject({ assigned: 1, available: 2 });
});

test("a job that nobody acquires is announced again only if the knob says so", async () => {
  for (const reannounceAfterMs of [0, 30_000]) {
    const { set, clock, listener, poll, acknowledge, acquire, control } = await openBed({
      reannounceAfterMs,
    });
    control.queueJobs({ scaleSet: "my-set" });
    await acknowledge(listener, Number((await poll(listener)).json["messageId"]));
    const held = poll(listener, 1);
    await clock.runFor(50_000);
    const again = await held;
    expect(entriesOf(again)).toEqual(reannounceAfterMs > 0 ? ["JobAvailable:5101"] : []);
    await acquire(listener, set, "[9007199254740993]");
    const later = poll(listener, 2);
    await clock.runFor(50_000);
    expect(entriesOf(await later)).not.toContain("JobAvailable:5101");
  }
});
