// Why: who has the session, for how long, and with which token: the questions a take-over asks.
import { expect, test } from "vitest";
import { createBed, entriesOf, readSession } from "./protocol-fixture.ts";

async function openBed(knobs = {}) {
  const bed = createBed("acquire", knobs);
  const admin = await bed.connect();
  const set = await bed.createSet(admin, "my-set");
  return { ...bed, admin, set };
}

test("a session that nobody uses is refused to others for 90 s, then free", async () => {
  const { admin, set, clock, session, openSession, events } = await openBed();
  await session(admin, set, "first");
  await clock.runFor(89_000);
  expect((await openSession(admin, set, "first")).status).toBe(409);
  await clock.runFor(2_000);
  expect((await openSession(admin, set, "second")).status).toBe(200);
  const told = events.filter((event) => event.kind.startsWith("session-"));
  expect(told.map((event) => [event.at, event.kind])).toEqual([
    [0, "session-created"],
    [89_000, "session-refused"],
    [90_000, "session-lapsed"],
    [91_000, "session-created"],
  ]);
});

test("an open poll keeps the session alive, however long it is held", async () => {
  const { admin, set, clock, session, poll, openSession } = await openBed({ holdMs: 300_000 });
  const held = poll(await session(admin, set));
  await clock.runFor(299_000);
  expect((await openSession(admin, set)).status).toBe(409);
  await clock.runFor(1_000);
  expect((await held).status).toBe(202);
  await clock.runFor(89_000);
  expect((await openSession(admin, set)).status).toBe(409);
  await clock.runFor(1_001);
  expect((await openSession(admin, set)).status).toBe(200);
});

test("polls, acknowledgements and refreshes each put the lapse off", async () => {
  const { call, admin, set, clock, session, poll, acknowledge, openSession } = await openBed({
    holdMs: 0,
  });
  const one = await session(admin, set);
  const refresh = () => call("PATCH", `${set}/sessions/${one.id}`, { token: admin.token });
  await clock.runFor(80_000);
  const polled = poll(one);
  await clock.runFor(80_000);
  expect((await polled).status).toBe(202);
  expect((await acknowledge(one, 7)).status).toBe(404);
  await clock.runFor(80_000);
  expect((await refresh()).status).toBe(200);
  await clock.runFor(80_000);
  expect((await openSession(admin, set)).status).toBe(409);
});

test("a second poll ends the first with 202, and gets what the first would have got", async () => {
  const { admin, set, clock, session, poll, control } = await openBed();
  const one = await session(admin, set);
  const first = poll(one);
  await clock.runFor(1_000);
  const second = poll(one);
  expect((await first).status).toBe(202);
  control.queueJobs({ scaleSet: "my-set" });
  expect(entriesOf(await second)).toEqual(["JobAvailable:5101"]);
});

test("with the knob the other way both polls are held and both are told", async () => {
  const { admin, set, clock, session, poll, control } = await openBed({
    secondPollEndsFirst: false,
  });
  const one = await session(admin, set);
  const both = [poll(one), poll(one)];
  await clock.runFor(1_000);
  control.queueJobs({ scaleSet: "my-set" });
  for (const answer of await Promise.all(both)) expect(answer.json["messageId"]).toBe(1);
});

test("a refresh keeps the session and its cursor, and ends the old token at once", async () => {
  const { call, admin, set, session, poll, acknowledge, acquire, control } = await openBed();
  const one = await session(admin, set);
  const answer = await call("PATCH", `${set}/sessions/${one.id}`, { token: admin.token });
  const two = readSession(answer);
  expect([two.id, two.url]).toEqual([one.id, one.url]);
  expect(two.token).not.toBe(one.token);
  control.queueJobs({ scaleSet: "my-set" });
  expect((await poll(one)).status).toBe(401);
  expect((await acknowledge(one, 1)).status).toBe(401);
  expect((await acquire(one, set, "[9007199254740993]")).status).toBe(401);
  expect((await poll(two)).status).toBe(200);
});

test("a refresh leaves an open poll open; the successor's poll ends it and hears what comes", async () => {
  const { call, admin, set, clock, session, poll, control, events } = await openBed();
  const one = await session(admin, set);
  const old = poll(one);
  await clock.runFor(10_000);
  const answer = await call("PATCH", `${set}/sessions/${one.id}`, { token: admin.token });
  await clock.runFor(1_000);
  const successor = poll(readSession(answer));
  expect((await old).status).toBe(202);
  control.queueJobs({ scaleSet: "my-set" });
  expect((await successor).status).toBe(200);
  const polls = events.filter(
    (event) => event.kind === "poll-opened" || event.kind === "poll-closed",
  );
  // The gap between the two is none: the first ends at the instant at which the second opens.
  expect(polls.map((event) => event.at)).toEqual([0, 11_000, 11_000, 11_000]);
});

test("when the server stops, held calls break and no timer is left", async () => {
  const { admin, set, clock, session, poll, runner, simulator } = await openBed();
  const one = await runner(admin, set, "runner-1");
  await one.connect();
  const waiting = one.takeJob();
  const held = poll(await session(admin, set)).catch((error: unknown) => String(error));
  await clock.runFor(1_000);
  expect(clock.timersCount()).toBeGreaterThan(2);
  simulator.stop();
  expect(await held).toContain("fetch failed");
  expect(await waiting).toBe("none");
  expect(clock.timersCount()).toBe(0);
});

test("with a grace the old token is good until it is over", async () => {
  const { call, admin, set, clock, session, poll } = await openBed({
    oldQueueTokenGraceMs: 10_000,
    holdMs: 1_000,
  });
  const one = await session(admin, set);
  await call("PATCH", `${set}/sessions/${one.id}`, { token: admin.token });
  const within = poll(one);
  await clock.runFor(10_000);
  expect((await within).status).toBe(202);
  expect((await poll(one)).status).toBe(401);
});

test("queue and admin tokens expire at their exp, and at once when asked", async () => {
  const { call, admin, set, clock, session, poll } = await openBed({
    queueTokenLifeMs: 60_000,
    adminTokenLifeMs: 120_000,
    holdMs: 59_000,
  });
  const one = await session(admin, set);
  const held = poll(one);
  await clock.runFor(59_000);
  expect((await held).status).toBe(202);
  await clock.runFor(1_000);
  expect((await poll(one)).status).toBe(401);
  expect((await call("GET", set, { token: admin.token })).status).toBe(200);
  await clock.runFor(60_000);
  expect((await call("GET", set, { token: admin.token })).status).toBe(401);

  const fresh = await openBed();
  const other = await fresh.session(fresh.admin, fresh.set);
  fresh.control.expireQueueTokens();
  expect((await fresh.poll(other)).status).toBe(401);
  fresh.control.expireAdminTokens();
  const late = await fresh.openSession(fresh.admin, fresh.set);
  expect([late.status, late.json["typeName"]]).toEqual([
    401,
    expect.stringContaining("InvalidToken"),
  ]);
});

test("an evicted session ends its poll with 401 and cannot be refreshed", async () => {
  const { call, admin, set, clock, session, poll, control } = await openBed();
  const one = await session(admin, set);
  const held = poll(one);
  await clock.runFor(1_000);
  expect(control.evictSession("my-set")).toBe(true);
  expect((await held).status).toBe(401);
  const refresh = await call("PATCH", `${set}/sessions/${one.id}`, { token: admin.token });
  expect([refresh.status, refresh.json["typeName"]]).toEqual([
    404,
    expect.stringContaining("RunnerAdminException"),
  ]);
});

test("a deleted scale set takes its session along, and its jobs wait for the next of its name", async () => {
  const { call, admin, set, clock, session, poll, openSession, createSet, control } =
    await openBed();
  control.queueJobs({ scaleSet: "my-set" });
  const one = await session(admin, set);
  await poll(one);
  const held = poll(one, 1);
  await clock.runFor(1_000);
  expect((await call("DELETE", set, { token: admin.token })).status).toBe(204);
  expect((await held).status).toBe(401);
  expect((await openSession(admin, set)).status).toBe(404);
  const again = await createSet(admin, "my-set");
  expect(again).not.toBe(set);
  // A new log whose ids start again.
  const message = await poll(await session(admin, again));
  expect([message.json["messageId"], entriesOf(message)]).toEqual([1, ["JobAvailable:5101"]]);
});

test("with the knob a scale set with a session cannot be deleted", async () => {
  const { call, admin, set, session } = await openBed({ deleteWithSession: false });
  const one = await session(admin, set);
  expect((await call("DELETE", set, { token: admin.token })).status).toBe(400);
  await call("DELETE", `${set}/sessions/${one.id}`, { token: admin.token });
  expect((await call("DELETE", set, { token: admin.token })).status).toBe(204);
});

test("a foreign listener can take the session first", async () => {
  const { admin, set, openSession, control } = await openBed();
  expect(control.takeSession("my-set", "somebody else")).toBe(true);
  expect((await openSession(admin, set)).status).toBe(409);
});

test("two organisations have a scale set 1 each, and neither's token opens the other's", async () => {
  const { admin, set, connect, createSet, openSession } = await openBed();
  const other = await connect("other-org");
  const otherSet = await createSet(other, "my-set");
  expect(otherSet.endsWith("/tenant/2/_apis/runtime/runnerscalesets/1")).toBe(true);
  expect((await openSession({ ...admin, token: other.token }, set)).status).toBe(401);
  expect((await openSession(other, otherSet)).status).toBe(200);
  expect((await openSession(admin, set)).status).toBe(200);
});
