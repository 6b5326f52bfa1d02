// Why: the exchange of a listener in acquire mode as actions/scaleset v0.4.0 was recorded to make
// it, from the first token to the last DELETE, byte by byte where clients depend on it.
import { expect, test } from "vitest";
import { createBed, entriesOf, host, idsOf, readSession } from "./protocol-fixture.ts";
import { createRunnerClient } from "./runner-client.ts";

const none = {
  totalAvailableJobs: 0,
  totalAcquiredJobs: 0,
  totalAssignedJobs: 0,
  totalRunningJobs: 0,
  totalRegisteredRunners: 0,
  totalBusyRunners: 0,
  totalIdleRunners: 0,
};

test("a PAT buys a registration token, and that the admin connection", async () => {
  const { call, clock } = createBed("acquire");
  const path = "/api/v3/orgs/my-org/actions/runners/registration-token";
  const registration = await call("POST", path, { token: "ghp_x" });
  expect(registration.status).toBe(201);
  expect(registration.json["expires_at"]).toBe("2026-01-01T01:00:00Z");

  const answer = await call("POST", "/api/v3/actions/runner-registration", {
    scheme: "RemoteAuth",
    token: String(registration.json["token"]),
    body: `{"url":"${host}/my-org","runner_event":"register"}\n`,
  });
  expect(answer.status).toBe(200);
  expect(answer.json["url"]).toBe(`${host}/tenant/1/`);
  const claims = Buffer.from(String(answer.json["token"]).split(".")[1] ?? "", "base64url");
  expect(JSON.parse(claims.toString())).toMatchObject({ exp: clock.wallMs() / 1000 + 3600 });
});

test("a scale set is looked up, created and found again, and sends its setting in small letters", async () => {
  const { call, connect } = createBed("acquire");
  const { url, token } = await connect();
  const sets = `${url}/runtime/runnerscalesets`;
  const query = "?api-version=6.0-preview&name=my-set&runnerGroupId=1";
  expect((await call("GET", sets + query, { token })).text).toBe(`{"count":0,"value":[]}`);

  const created = await call("POST", `${sets}?api-version=6.0-preview`, {
    token,
    body:
      `{"name":"my-set","runnerGroupId":1,"labels":[{"type":"System","name":"my-set"}],` +
      `"RunnerSetting":{"disableUpdate":true},"createdOn":"0001-01-01T00:00:00Z"}`,
  });
  expect(created.status).toBe(200);
  expect(created.json).toMatchObject({
    id: 1,
    name: "my-set",
    runnerGroupId: 1,
    runnerGroupName: "Default",
    labels: [{ id: 1, name: "my-set", type: "System" }],
    runnerSetting: { disableUpdate: true },
  });
  expect(created.headers.get("content-type")).toBe(
    "application/json; charset=utf-8; api-version=6.0-preview",
  );
  expect(created.headers.get("activityid")).toMatch(/^[0-9a-f-]{36}$/);
  expect(created.headers.get("x-github-request-id")).toBeTruthy();

  const found = await call("GET", `${sets}?name=MY-set&runnerGroupId=1`, { token });
  expect(found.json).toMatchObject({ count: 1, value: [{ id: 1 }] });
  expect((await call("GET", `${sets}/1`, { token })).json).toMatchObject({ name: "my-set" });
});

test("two jobs go from available to completed, each step told once and counted", async () => {
  const bed = createBed("acquire", { sessionLapseMs: 600_000 });
  const { call, clock, control, poll, acknowledge, acquire, register, runner } = bed;
  const admin = await bed.connect();
  const set = await bed.createSet(admin, "my-set");
  control.queueJobs({ scaleSet: "my-set", count: 2 });

  const opened = await call("POST", `${set}/sessions?api-version=6.0-preview`, {
    token: admin.token,
    body: `{"sessionId":"00000000-0000-0000-0000-000000000000","ownerName":"host-1"}`,
  });
  expect(opened.status).toBe(200);
  const session = readSession(opened);
  expect(opened.json).toMatchObject({
    ownerName: "host-1",
    runnerScaleSet: { id: 1, name: "my-set" },
    statistics: { ...none, totalAvailableJobs: 2 },
  });
  expect(session.url).toBe(
    `${host}/tenant/1/_apis/runtime/runnerscalesets/1/messages?sessionId=${session.id}`,
  );

  const available = await poll(session);
  expect(available.json).toMatchObject({
    messageId: 1,
    messageType: "RunnerScaleSetJobMessages",
    statistics: { ...none, totalAvailableJobs: 2 },
  });
  expect(available.json["body"]).toContain(
    `[{"messageType":"JobAvailable","acquireJobUrl":"","runnerRequestId":9007199254740993,"jobId":"5101",` +
      `"repositoryName":"repo","ownerName":"my-org",` +
      `"jobWorkflowRef":"my-org/repo/.github/workflows/ci.yml@refs/heads/main",` +
      `"jobDisplayName":"build (1)","workflowRunId":30225287327,"eventName":"push",` +
      `"requestLabels":["my-set"],"queueTime":"2026-01-01T00:00:00.000Z"}`,
  );
  expect((await acknowledge(session, 1)).status).toBe(204);
  const acquired = await acquire(session, set, idsOf(available));
  expect(acquired.status).toBe(200);
  expect(acquired.text).toBe(`{"count":2,"value":[9007199254740993,9007199254740994]}`);

  const assigned = await poll(session, 1);
  expect(entriesOf(assigned)).toEqual(["JobAssigned:5101", "JobAssigned:5102"]);
  expect(assigned.json).toMatchObject({ messageId: 2, statistics: { totalAssignedJobs: 2 } });
  await acknowledge(session, 2);

  const jit = await register(admin, set, "my-set-runner-1");
  expect(jit.json).toMatchObject({
    runner: { id: 1, name: "my-set-runner-1", runnerScaleSetId: 1 },
  });
  const two = await runner(admin, set, "my-set-runner-2");
  const one = createRunnerClient(bed.simulator, String(jit.json["encodedJITConfig"]));
  expect([await one.connect(), await two.connect()]).toEqual(["online", "online"]);
  await clock.runFor(20_000);
  await one.takeJob();
  await two.takeJob();

  const started = await poll(session, 2);
  expect(entriesOf(started)).toEqual(["JobStarted:5101", "JobStarted:5102"]);
  expect(started.json["body"]).toContain(`"runnerId":1,"runnerName":"my-set-runner-1"`);
  expect(started.json).toMatchObject({
    statistics: { totalAssignedJobs: 2, totalRunningJobs: 2, totalBusyRunners: 2 },
  });
  await acknowledge(session, 3);

  await clock.runFor(180_000);
  await one.finish("succeeded");
  await two.finish("failed");
  const completed = await poll(session, 3);
  expect(entriesOf(completed)).toEqual(["JobCompleted:5101", "JobCompleted:5102"]);
  expect(completed.json["body"]).toContain(`"result":"failed","runnerId":2`);
  expect(completed.json["body"]).toContain(
    `"runnerAssignTime":"2026-01-01T00:00:20.000Z","finishTime":"2026-01-01T00:03:20.000Z"`,
  );
  expect(completed.json).toMatchObject({ messageId: 4, statistics: none });
  expect((await acknowledge(session, 4)).status).toBe(204);
  expect(control.runners()).toEqual([]);
  expect(control.messages("my-set")).toMatchObject({ log: [], pending: [] });

  const close = `${set}/sessions/${session.id}`;
  expect((await call("DELETE", close, { token: admin.token })).status).toBe(204);
  expect((await call("DELETE", set, { token: admin.token })).status).toBe(204);
  expect((await call("GET", set, { token: admin.token })).status).toBe(404);
});

test("the service's exceptions have the names by which clients know them", async () => {
  const { call, connect, createSet, openSession, session, register, poll } = createBed("acquire");
  const admin = await connect();
  const { token } = admin;
  const set = await createSet(admin, "my-set");
  const first = await session(admin, set);

  const conflict = await openSession(admin, set);
  expect(conflict.status).toBe(409);
  expect(conflict.json).toMatchObject({
    typeName:
      "GitHub.Actions.Runtime.WebApi.RunnerScaleSetSessionConflictException, GitHub.Actions.Runtime.WebApi",
    message: "The actions runner scaleset my-set already has an active session.",
  });
  await register(admin, set, "runner-1");
  const cases: [string, string, string | undefined, number, string][] = [
    ["POST", `${set}/generatejitconfig`, `{"name":"RUNNER-1"}`, 409, "AgentExistsException"],
    ["POST", `${set}9/sessions`, `{"ownerName":"a"}`, 404, "RunnerScaleSetNotFoundException"],
    ["PATCH", `${set}/sessions/none`, undefined, 404, "RunnerAdminException"],
    ["DELETE", `${set}/sessions/none`, undefined, 400, "SessionExpiredException"],
    ["POST", set.replace(/\/\d+$/, ""), `{"name":"My-Set"}`, 400, "ScaleSetExistsException"],
    [
      "GET",
      `${admin.url}/distributedtask/pools/0/agents/9`,
      undefined,
      404,
      "AgentNotFoundException",
    ],
  ];
  for (const [method, url, body, status, typeName] of cases) {
    const answer = await call(method, url, { token, ...(body ? { body } : {}) });
    expect([answer.status, answer.json["typeName"]]).toEqual([
      status,
      expect.stringContaining(typeName),
    ]);
  }
  const noToken = await call("GET", set, { token: "nonsense" });
  expect(noToken.status).toBe(401);
  expect(noToken.json["typeName"]).toContain("InvalidTokenException");
  expect((await poll({ ...first, token: admin.token })).status).toBe(401);
});

test("ids that another scale set took, or that never were, are left out without an error", async () => {
  const { connect, createSet, session, poll, acquire, control } = createBed("acquire");
  const admin = await connect();
  const labels = ["a", "b"].map((name) => ({ name }));
  const [setA, setB] = [
    await createSet(admin, "set-a", { labels }),
    await createSet(admin, "set-b", { labels }),
  ];
  control.queueJobs({ labels: ["A"], owner: "my-org", count: 2 });
  const [a, b] = [await session(admin, setA), await session(admin, setB)];
  const ids = idsOf(await poll(a));
  expect(idsOf(await poll(b))).toBe(ids);
  expect((await acquire(a, setA, "[9007199254740993]")).json["count"]).toBe(1);
  const rest = await acquire(b, setB, "[9007199254740993,9007199254740994,5]");
  expect(rest.text).toBe(`{"count":1,"value":[9007199254740994]}`);
  // A repeated call after a lost answer names what the set already has.
  const again = await acquire(b, setB, "[9007199254740994]");
  expect(again.text).toBe(`{"count":1,"value":[9007199254740994]}`);
  // The double nearest to 9007199254740993 is another job's id, or none.
  expect((await acquire(a, setA, "[9007199254740992]")).text).toBe(`{"count":0,"value":[]}`);
  expect((await acquire({ ...a, token: admin.token }, setA, "[1]")).status).toBe(401);
});

test("acquirable jobs are listed until they are taken, then the answer is 204", async () => {
  const { call, connect, createSet, session, acquire, control } = createBed("acquire");
  const admin = await connect();
  const { token } = admin;
  const set = await createSet(admin, "my-set");
  expect((await call("GET", `${set}/acquirablejobs`, { token })).status).toBe(204);
  control.queueJobs({ scaleSet: "my-set" });
  const list = await call("GET", `${set}/acquirablejobs`, { token });
  expect(list.json["count"]).toBe(1);
  expect(list.text).toContain(`"runnerRequestId":9007199254740993,`);
  await acquire(await session(admin, set), set, "[9007199254740993]");
  expect((await call("GET", `${set}/acquirablejobs`, { token })).status).toBe(204);
});
