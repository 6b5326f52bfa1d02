// Why: a fault that does not do what it says makes a story that proves nothing.
import { expect, test } from "vitest";
import { createBed, entriesOf, readSession } from "./protocol-fixture.ts";
import type { Fault } from "./faults.ts";
import { parseFault } from "./parse-fault.ts";

async function openBed(knobs = {}) {
  const bed = createBed("acquire", knobs);
  const admin = await bed.connect();
  const set = await bed.createSet(admin, "my-set");
  return { ...bed, admin, set };
}

test("a status is answered as often as asked, without the deed; Retry-After goes with it", async () => {
  const { admin, set, openSession, control } = await openBed();
  control.addFault({
    route: "createSession",
    times: 2,
    status: 429,
    retryAfter: "7",
    body: "slow",
  });
  for (const _time of [1, 2]) {
    const answer = await openSession(admin, set);
    expect([answer.status, answer.headers.get("retry-after"), answer.text]).toEqual([
      429,
      "7",
      "slow",
    ]);
  }
  expect(control.sessions()).toEqual([]);
  expect((await openSession(admin, set)).status).toBe(200);
});

test("a status after the commit hides a deed that was done", async () => {
  const { admin, set, openSession, control } = await openBed();
  control.addFault({ route: "createSession", status: 503, afterCommit: true });
  expect((await openSession(admin, set)).status).toBe(503);
  expect((await openSession(admin, set)).status).toBe(409);
});

test("a connection that breaks before the deed leaves nothing done, one after it leaves all done", async () => {
  const { admin, set, register, control } = await openBed();
  control.addFault({ route: "generateJitConfig", drop: "before" });
  await expect(register(admin, set, "one")).rejects.toThrow("fetch failed");
  expect(control.runners()).toEqual([]);
  control.addFault({ route: "generateJitConfig", drop: "after" });
  await expect(register(admin, set, "one")).rejects.toThrow("fetch failed");
  expect((await register(admin, set, "one")).status).toBe(409);
  const ends = control.requests().filter((one) => one.route === "generateJitConfig");
  expect(ends.map((one) => one.status)).toEqual(["dropped", "dropped", 409]);
});

test("a delay holds the deed up, and a hang lasts until the caller gives up", async () => {
  const { admin, set, clock, openSession, call, control } = await openBed();
  control.addFault({ route: "createSession", delayMs: 3_000 });
  const delayed = openSession(admin, set);
  await clock.runFor(2_999);
  expect(control.sessions()).toEqual([]);
  await clock.runFor(1);
  expect((await delayed).status).toBe(200);

  control.addFault({ route: "getScaleSet", hang: true });
  const abort = new AbortController();
  const hanging = call("GET", set, { token: admin.token, signal: abort.signal });
  await clock.runFor(600_000);
  abort.abort(new Error("time out"));
  await expect(hanging).rejects.toThrow("time out");
});

test("a fault for one scale set leaves the others alone", async () => {
  const { admin, set, createSet, openSession, control } = await openBed();
  const other = await createSet(admin, "other");
  control.addFault({ route: "*", scaleSet: "other", times: 9, status: 500 });
  expect((await openSession(admin, set)).status).toBe(200);
  expect((await openSession(admin, other)).status).toBe(500);
  control.clearFaults();
  expect((await openSession(admin, other)).status).toBe(200);
});

test("a fault by chance strikes some calls, the same ones for the same seed", async () => {
  const statuses = async () => {
    const { admin, set, call, control } = await openBed();
    control.addFault({ route: "getScaleSet", times: 1_000, chance: 0.3, status: 502 });
    const all = [];
    for (let index = 0; index < 100; index++) {
      all.push((await call("GET", set, { token: admin.token })).status);
    }
    return all;
  };
  const first = await statuses();
  const struck = first.filter((status) => status === 502).length;
  expect(struck).toBeGreaterThan(10);
  expect(struck).toBeLessThan(60);
  expect(await statuses()).toEqual(first);
});

test("answers are spoilt in each of the ways that were seen to kill listeners", async () => {
  const { admin, set, openSession, poll, control } = await openBed();
  control.queueJobs({ scaleSet: "my-set" });
  control.addFault({ route: "createSession", answer: "empty-queue-url" });
  const session = readSession(await openSession(admin, set));
  expect(session.url).toBe("");
  const url = `${set}/messages`;
  const message = async (answer: NonNullable<Fault["answer"]>) => {
    control.addFault({ route: "poll", answer });
    return poll({ ...session, url });
  };
  const empty = await message("empty-body");
  expect([empty.status, empty.text]).toEqual([200, ""]);
  expect((await message("null-statistics")).json["statistics"]).toBeNull();
  expect((await message("no-statistics")).json).not.toHaveProperty("statistics");
  expect((await message("unknown-outer-type")).json["messageType"]).not.toBe(
    "RunnerScaleSetJobMessages",
  );
  expect(entriesOf(await message("unknown-inner-type"))).toEqual([
    "JobRescheduled:undefined",
    "JobAvailable:5101",
  ]);
  expect(entriesOf(await message("undecodable-entry"))).toEqual([
    "JobStarted:7",
    "JobAvailable:5101",
  ]);
  const broken = await message("broken-json").catch((error: unknown) => error);
  expect(broken).toBeInstanceOf(SyntaxError);
  expect((await message("huge")).text.length).toBeGreaterThan(10_000_000);
  expect((await message("undecodable-entry")).text).toContain("9007199254740993");
});

test("a BOM, a count that is too high, and null for a list", async () => {
  const { admin, call, control, simulator } = await openBed();
  const sets = `${admin.url}/runtime/runnerscalesets`;
  control.addFault({ route: "listScaleSets", answer: "count-too-high" });
  expect((await call("GET", sets, { token: admin.token })).json["count"]).toBe(2);
  control.addFault({ route: "listScaleSets", answer: "null-value" });
  expect((await call("GET", sets, { token: admin.token })).json["value"]).toBeNull();
  control.addFault({ route: "listScaleSets", answer: "bom" });
  const headers = { authorization: `Bearer ${admin.token}` };
  const bytes = await (await simulator.fetch(sets, { headers })).arrayBuffer();
  expect([...new Uint8Array(bytes).slice(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
});

test("an acknowledgement that is answered but not done brings the message again", async () => {
  const { admin, set, session, poll, acknowledge, control } = await openBed();
  control.queueJobs({ scaleSet: "my-set" });
  const listener = await session(admin, set);
  await poll(listener);
  control.addFault({ route: "acknowledge", status: 204 });
  expect((await acknowledge(listener, 1)).status).toBe(204);
  expect((await poll(listener)).json["messageId"]).toBe(1);
});

test("a fault that cannot be meant is refused with what is wrong with it", () => {
  const wrong: [unknown, string][] = [
    [{}, "a fault needs a route"],
    [{ route: "polls" }, `the fault's route cannot be "polls"`],
    [{ route: "poll", when: 1 }, "a fault has no when"],
    [{ route: "poll", status: 99 }, "the fault's status cannot be 99"],
    [{ route: "poll", times: 0 }, "the fault's times cannot be 0"],
  ];
  for (const [fault, message] of wrong) expect(() => parseFault(fault)).toThrow(message);
  expect(parseFault({ route: "poll", status: 503 })).toEqual({ route: "poll", status: 503 });
});

test("knobs for what differs between servers change the answers", async () => {
  const bed = await openBed({
    runnerSettingKey: "RunnerSetting",
    customLabels: false,
    absentMessageStatus: 204,
    duplicateScaleSetStatus: 409,
    apiVersionRequired: false,
    serviceUrl: "query",
    runnerGroups: ["Default", "linux"],
  });
  const { admin, set, call, session, acknowledge, control } = bed;
  const { token } = admin;
  const sets = `${admin.url}/runtime/runnerscalesets`;
  const created = await call("POST", sets, {
    token,
    body: `{"name":"ghes","runnerGroupId":2,"labels":[{"name":"ghes"},{"name":"gpu"}],"RunnerSetting":{"a":1}}`,
  });
  expect(created.json).toMatchObject({
    runnerGroupName: "linux",
    labels: [{ name: "ghes" }],
    RunnerSetting: { a: 1 },
  });
  const duplicate = await call("POST", sets, { token, body: `{"name":"GHES","runnerGroupId":2}` });
  expect(duplicate.status).toBe(409);
  expect((await call("POST", sets, { token, body: `{"name":"ghes"}` })).status).toBe(200);
  expect((await call("POST", sets, { token, body: `{"name":"x","runnerGroupId":3}` })).status).toBe(
    400,
  );
  const groups = `${admin.url}/runtime/runnergroups/?groupName=Linux`;
  expect((await call("GET", groups, { token })).json).toMatchObject({ value: [{ id: 2 }] });
  expect((await acknowledge(await session(admin, set), 9)).status).toBe(204);
  control.setKnobs({ apiVersionRequired: true });
  expect((await call("GET", sets, { token })).status).toBe(400);
  expect((await call("GET", `${sets}?api-version=6.0-preview`, { token })).status).toBe(200);
});

test("a group or name is changed by PATCH, absent fields stay, and the name's label follows", async () => {
  const bed = await openBed({ runnerGroups: ["Default", "linux"] });
  const { admin, set, call, session, poll, control } = bed;
  control.queueJobs({ scaleSet: "new-name", owner: "my-org" });
  const { token } = admin;
  const zero = `"RunnerSetting":{},"createdOn":"0001-01-01T00:00:00Z"`;
  const moved = await call("PATCH", set, { token, body: `{"runnerGroupId":2,${zero}}` });
  expect(moved.json).toMatchObject({
    name: "my-set",
    runnerGroupId: 2,
    createdOn: expect.stringMatching(/^2026/),
  });
  const renamed = await call("PATCH", set, { token, body: `{"name":"new-name",${zero}}` });
  expect(renamed.json).toMatchObject({ runnerGroupId: 2, labels: [{ name: "new-name" }] });
  expect(control.ledger().scaleSets[0]?.statistics.totalAvailableJobs).toBe(1);
  expect(entriesOf(await poll(await session(admin, set)))).toEqual(["JobAvailable:5101"]);
});
