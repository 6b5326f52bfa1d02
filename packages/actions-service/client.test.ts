// Why: the client as a whole against exact bytes: the requests that GitHub's own client (actions/scaleset
// v0.4.0) sends, in its order, with its headers.
import { describe, expect, test } from "vitest";
import { createBench, type Recorded, serviceBase } from "./scripted-server.ts";
import { createActionsService } from "./client.ts";
import { InvalidConfigUrl } from "./config-url.ts";

const v = "api-version=6.0-preview";
const setPath = `${serviceBase}/_apis/runtime/runnerscalesets`;
const agent = (scaleSetId: number) =>
  `{"system":"runlet","version":"0.1.0","commit_sha":"unknown","scale_set_id":${scaleSetId},` +
  `"subsystem":"poller","build_version":"0.1.0","build_commit_sha":"unknown","kind":"scaleset"}`;

const statistics = {
  totalAvailableJobs: 2,
  totalAcquiredJobs: 0,
  totalAssignedJobs: 0,
  totalRunningJobs: 0,
  totalRegisteredRunners: 0,
  totalBusyRunners: 0,
  totalIdleRunners: 0,
};
const queueUrl = `${setPath}/7/messages?sessionId=3f0c`;
const session = {
  sessionId: "3f0c4f5e-0a51-4b1c-9a44-0f6f6f0a9a11",
  ownerName: "host-1",
  runnerScaleSet: { id: 7, name: "my-set" },
  messageQueueUrl: queueUrl,
  messageQueueAccessToken: "mqt-1",
  statistics,
};
const queue = { queueUrl, queueToken: "mqt-1" };

function last(requests: Recorded[]): Recorded {
  const request = requests.at(-1);
  if (!request) throw new Error("nothing was asked");
  return request;
}

describe("before the first call", () => {
  test("making a client talks to nobody", () => {
    expect(createBench().server.requests).toEqual([]);
  });

  test("a bad config URL is refused when the client is made", () => {
    const make = () => createBench({ configUrl: "github.com/org" });
    expect(make).toThrow(InvalidConfigUrl);
    expect(createActionsService).toBeTypeOf("function");
  });

  test("an admin connection is got with a registration token, byte for byte", async () => {
    const { service, server, run } = createBench();
    server.next({ status: 200, body: { count: 0, value: [] } });
    await run(service.findScaleSet({ name: "my-set", runnerGroupId: 1 }));
    const [token, registration, call] = server.requests;
    expect(token).toMatchObject({
      method: "POST",
      url: "https://ghes.test/api/v3/orgs/my-org/actions/runners/registration-token",
      headers: {
        Authorization: "Bearer ghp_x",
        "Content-Type": "application/vnd.github.v3+json",
        "User-Agent": agent(0),
      },
      body: "",
    });
    expect(registration).toMatchObject({
      method: "POST",
      url: "https://ghes.test/api/v3/actions/runner-registration",
      headers: {
        Authorization: "RemoteAuth AABBCC",
        "Content-Type": "application/json",
        "User-Agent": agent(0),
      },
      body: '{"url":"https://ghes.test/my-org","runner_event":"register"}',
    });
    expect(call?.headers).toEqual({
      Authorization: expect.stringMatching(/^Bearer eyJ/),
      "Content-Type": "application/json",
      "User-Agent": agent(0),
    });
    expect(server.requests).toHaveLength(3);
  });
});

describe("scale sets and groups", () => {
  test("a group is looked up by name; the default group is not looked up", async () => {
    const { service, server, run } = createBench();
    server.next({ status: 200, body: { count: 1, value: [{ id: 4, name: "g", size: 2 }] } });
    const found = await run(service.findRunnerGroup("g"));
    expect(found).toEqual({ ok: true, value: { id: 4, name: "g", isDefault: false } });
    expect(server.asked()).toEqual([
      `GET ${serviceBase}/_apis/runtime/runnergroups/?${v}&groupName=g`,
    ]);
    const standard = await run(service.findRunnerGroup(""));
    expect(standard).toMatchObject({ ok: true, value: { id: 1 } });
    expect(server.asked()).toHaveLength(1);
  });

  test("a set is found by name and group, and by number", async () => {
    const { service, server, run } = createBench();
    const wire = {
      id: 7,
      name: "my-set",
      runnerGroupId: 1,
      runnerGroupName: "Default",
      labels: [{ id: 1, name: "my-set", type: "System" }],
      runnerSetting: { disableUpdate: true },
      statistics,
    };
    server.next({ status: 200, body: { count: 1, value: [wire] } }, { status: 200, body: wire });
    const set = {
      id: 7,
      name: "my-set",
      runnerGroupId: 1,
      runnerGroupName: "Default",
      labels: ["my-set"],
      statistics,
    };
    const byName = await run(service.findScaleSet({ name: "my-set", runnerGroupId: 1 }));
    expect(byName).toEqual({ ok: true, value: set });
    expect(await run(service.findScaleSetById(7))).toEqual({ ok: true, value: set });
    expect(server.asked()).toEqual([
      `GET ${setPath}?${v}&name=my-set&runnerGroupId=1`,
      `GET ${setPath}/7?${v}`,
    ]);
  });

  test("the count of a list is believed, also against the list", async () => {
    const { service, server, run } = createBench();
    const one = { id: 7, name: "my-set" };
    const find = () => service.findScaleSet({ name: "my-set", runnerGroupId: 1 });
    server.next({ status: 200, body: { count: 0, value: [one] } });
    expect(await run(find())).toEqual({ ok: true, value: undefined });
    server.next({
      status: 200,
      body: { count: 2, value: [one] },
      headers: { ActivityId: "act-1", "X-GitHub-Request-Id": "req-1" },
    });
    const two = { reason: "unreadable", activityId: "act-1", requestId: "req-1" };
    expect(await run(find())).toMatchObject({ ok: false, failure: two });
    server.next({ status: 200, body: { count: 0, value: null } });
    expect(await run(find())).toEqual({ ok: true, value: undefined });
  });

  test("null is nobody: no set by that number, no message", async () => {
    const { service, server, run } = createBench();
    server.always({ status: 200, body: "null" });
    const nothing = { ok: true, value: undefined };
    expect(await run(service.findScaleSetById(7))).toEqual(nothing);
    expect(await run(service.poll(queue, { lastMessageId: 0, maxCapacity: 1 }))).toEqual(nothing);
  });

  test("a set is made with its labels; without any its name is the label", async () => {
    const { service, server, run } = createBench();
    server.always({ status: 200, body: { id: 7, name: "my-set" } });
    const made = await run(
      service.createScaleSet({ name: "my-set", runnerGroupId: 1, labels: [] }),
    );
    expect(made).toMatchObject({ ok: true, value: { id: 7 } });
    expect(last(server.requests)).toMatchObject({
      method: "POST",
      url: `${setPath}?${v}`,
      body:
        '{"name":"my-set","runnerGroupId":1,"labels":[{"type":"System","name":"my-set"}],' +
        '"RunnerSetting":{"disableUpdate":true},"createdOn":"0001-01-01T00:00:00Z"}',
    });
    await run(service.createScaleSet({ name: "s", runnerGroupId: 1, labels: ["a", "b"] }));
    expect(last(server.requests).body).toContain(
      '"labels":[{"type":"System","name":"a"},{"type":"System","name":"b"}]',
    );
  });

  test("a change sends what changes only", async () => {
    const { service, server, run } = createBench();
    server.next({ status: 200, body: { id: 7, name: "my-set", runnerGroupId: 3 } });
    await run(service.updateScaleSet(7, { runnerGroupId: 3 }));
    expect(last(server.requests)).toMatchObject({
      method: "PATCH",
      url: `${setPath}/7?${v}`,
      headers: { "User-Agent": agent(7) },
      body:
        '{"runnerGroupId":3,"RunnerSetting":{"disableUpdate":true},' +
        '"createdOn":"0001-01-01T00:00:00Z"}',
    });
  });

  test("a set is deleted", async () => {
    const { service, server, run } = createBench();
    server.next({ status: 204 });
    expect(await run(service.deleteScaleSet(10))).toEqual({ ok: true, value: "deleted" });
    expect(server.asked()).toEqual([`DELETE ${setPath}/10?${v}`]);
    expect(last(server.requests).body).toBeUndefined();
  });

  test.each(["my set&x=1", "a+b", "a#b", "100%", "naïve-日本", "a?b=c/d"])(
    "the name %j arrives whole",
    async (name) => {
      const { service, server, run } = createBench();
      server.always({ status: 200, body: { count: 0, value: [] } });
      await run(service.findScaleSet({ name, runnerGroupId: 1 }));
      await run(service.findRunnerByName(name));
      await run(service.findRunnerGroup(name));
      const names = server.requests
        .slice(-3)
        .map(({ url }) => new URL(url).searchParams)
        .map((query) => query.get("name") ?? query.get("agentName") ?? query.get("groupName"));
      expect(names).toEqual([name, name, name]);
    },
  );

  test.each([
    ["https://ghes.test/tenant/123", ""],
    ["https://ghes.test/tenant/123/", ""],
    ["https://ghes.test/tenant/123/?zone=a%20b&key=%2F", "&key=%2F&zone=a%20b"],
  ])("the service's address %s is kept, with its query", async (url, more) => {
    const { service, server, run, clock } = createBench();
    const { adminToken } = await import("./scripted-server.ts");
    server.auth.next(
      { status: 201, body: { token: "t" } },
      { status: 201, body: { url, token: adminToken(clock.wallMs() + 3_600_000) } },
    );
    server.next({ status: 204 });
    await run(service.deleteScaleSet(1));
    const path = "https://ghes.test/tenant/123/_apis/runtime/runnerscalesets/1";
    expect(server.asked()).toEqual([`DELETE ${path}?${v}${more}`]);
  });
});

describe("sessions", () => {
  test("a session is made, refreshed and closed with the admin token", async () => {
    const { service, server, run } = createBench();
    const renewed = { ...session, messageQueueAccessToken: "mqt-2" };
    server.next({ status: 200, body: session }, { status: 200, body: renewed }, { status: 204 });
    const made = await run(service.createSession(7, "host-1"));
    expect(made).toEqual({
      ok: true,
      value: {
        sessionId: session.sessionId,
        ownerName: "host-1",
        scaleSetId: 7,
        queueUrl,
        queueToken: "mqt-1",
        statistics,
      },
    });
    expect(last(server.requests)).toMatchObject({
      method: "POST",
      url: `${setPath}/7/sessions?${v}`,
      headers: { "Content-Type": "application/json", "User-Agent": agent(7) },
      body: '{"sessionId":"00000000-0000-0000-0000-000000000000","ownerName":"host-1"}',
    });
    const refreshed = await run(service.refreshSession(7, session.sessionId));
    expect(refreshed).toMatchObject({ ok: true, value: { queueToken: "mqt-2" } });
    expect(last(server.requests)).toMatchObject({ method: "PATCH", body: "" });
    expect(await run(service.deleteSession(7, session.sessionId))).toEqual({
      ok: true,
      value: "deleted",
    });
    const url = `${setPath}/7/sessions/${session.sessionId}?${v}`;
    expect(server.asked()).toEqual([
      `POST ${setPath}/7/sessions?${v}`,
      `PATCH ${url}`,
      `DELETE ${url}`,
    ]);
  });

  test("a session without address or token is completed by a refresh", async () => {
    for (const missing of [{ messageQueueUrl: "" }, { messageQueueAccessToken: "" }]) {
      const { service, server, run } = createBench();
      server.next(
        { status: 200, body: { ...session, ...missing } },
        { status: 200, body: session },
      );
      const made = await run(service.createSession(7, "host-1"));
      expect(made).toMatchObject({ ok: true, value: { queueUrl, queueToken: "mqt-1" } });
      expect(server.asked().map((line) => line.split(" ")[0])).toEqual(["POST", "PATCH"]);
    }
  });

  test("a session that stays incomplete is given back, so that it locks nobody out", async () => {
    const { service, server, run } = createBench();
    const broken = { ...session, messageQueueUrl: "" };
    server.next({ status: 200, body: broken }, { status: 200, body: broken }, { status: 204 });
    const made = await run(service.createSession(7, "host-1"));
    expect(made).toMatchObject({ ok: false, failure: { reason: "unreadable" } });
    const methods = server.asked().map((line) => line.split(" ")[0]);
    expect(methods).toEqual(["POST", "PATCH", "DELETE"]);
  });

  test("two refreshes at once are one; one caller's abort leaves the other's alone", async () => {
    const { service, server, run, clock } = createBench();
    server.next({ status: 200, body: session, delayMs: 100 });
    const leaver = new AbortController();
    const first = service.refreshSession(7, session.sessionId, { signal: leaver.signal });
    const second = service.refreshSession(7, session.sessionId);
    clock.after(50, () => leaver.abort(new Error("handing over")));
    await expect(run(first)).rejects.toThrow("handing over");
    expect(await run(second)).toMatchObject({ ok: true });
    expect(server.asked()).toHaveLength(1);
    server.next({ status: 200, body: session });
    await run(service.refreshSession(7, session.sessionId));
    expect(server.asked()).toHaveLength(2);
  });

  test("a refresh that nobody waits for any more is aborted", async () => {
    const { service, server, run, clock } = createBench();
    server.next({ status: 200, hangs: true });
    const leaver = new AbortController();
    const only = service.refreshSession(7, session.sessionId, { signal: leaver.signal });
    clock.after(50, () => leaver.abort(new Error("handing over")));
    await expect(run(only)).rejects.toThrow("handing over");
    await clock.settle();
    expect(clock.timersCount()).toBe(0);
  });
});

describe("the queue", () => {
  test("the first poll has no cursor and no api-version; a later one has the cursor", async () => {
    const { service, server, run } = createBench();
    server.always({ status: 202 });
    const none = await run(service.poll(queue, { lastMessageId: 0, maxCapacity: 5 }));
    expect(none).toEqual({ ok: true, value: undefined });
    expect(last(server.requests)).toEqual({
      method: "GET",
      url: queueUrl,
      headers: {
        Accept: "application/json; api-version=6.0-preview",
        Authorization: "Bearer mqt-1",
        "X-ScaleSetMaxCapacity": "5",
        "User-Agent": agent(0),
      },
      body: undefined,
      atMs: 0,
    });
    await run(service.poll(queue, { lastMessageId: 1, maxCapacity: 0 }));
    expect(last(server.requests).url).toBe(`${setPath}/7/messages?lastMessageId=1&sessionId=3f0c`);
    expect(last(server.requests).headers["X-ScaleSetMaxCapacity"]).toBe("0");
    // No admin connection was needed for any of it.
    expect(server.requests).toHaveLength(2);
  });

  test("the capacity is a total within int32, and never negative", async () => {
    const { service, server, run } = createBench();
    server.always({ status: 202 });
    await run(service.poll(queue, { lastMessageId: 0, maxCapacity: 3_000_000_000 }));
    expect(last(server.requests).headers["X-ScaleSetMaxCapacity"]).toBe("2147483647");
    for (const maxCapacity of [-1, 1.5, Number.NaN]) {
      const poll = async () => service.poll(queue, { lastMessageId: 0, maxCapacity });
      await expect(poll()).rejects.toThrow(RangeError);
    }
    expect(server.requests).toHaveLength(1);
  });

  test.each([
    ["https://q.test/scalesets/message", "https://q.test/scalesets/message/100000001"],
    ["https://q.test/message/", "https://q.test/message/100000001"],
    ["https://q.test/m?sig=a%2Bb+c&z=%7E", "https://q.test/m/100000001?sig=a%2Bb+c&z=%7E"],
  ])("a message at %s is deleted by its path", async (url, deleted) => {
    const { service, server, run } = createBench();
    server.next({ status: 204 });
    const done = await run(service.acknowledge({ queueUrl: url, queueToken: "q" }, 100_000_001));
    expect(done).toEqual({ ok: true, value: "deleted" });
    expect(last(server.requests)).toMatchObject({
      method: "DELETE",
      url: deleted,
      headers: { Authorization: "Bearer q", "Content-Type": "application/json" },
    });
    expect(last(server.requests).headers).not.toHaveProperty("Accept");
  });

  test("a poll that hangs ends at its limit; the default is longer than the service's hold", async () => {
    const { service, server, run, clock } = createBench();
    server.always({ status: 200, hangs: true });
    const hung = await run(service.poll(queue, { lastMessageId: 0, maxCapacity: 1 }));
    expect(hung).toMatchObject({ ok: false, failure: { reason: "timed-out" } });
    expect(clock.nowMs()).toBe(65_000);
    const at = { lastMessageId: 0, maxCapacity: 1 };
    await run(service.poll(queue, at, { limitMs: 5_000 }));
    expect(clock.nowMs()).toBe(70_000);
    expect(server.asked()).toHaveLength(2);
  });

  test("a poll that is aborted rejects at once with the reason and is not repeated", async () => {
    const { service, server, run, clock } = createBench();
    server.next({ status: 200, hangs: true });
    const stop = new AbortController();
    const at = { lastMessageId: 0, maxCapacity: 1 };
    const poll = service.poll(queue, at, { signal: stop.signal });
    clock.after(20_000, () => stop.abort(new Error("handing over")));
    await expect(run(poll)).rejects.toThrow("handing over");
    expect(clock.nowMs()).toBe(20_000);
    expect(clock.timersCount()).toBe(0);
    expect(server.asked()).toHaveLength(1);
    // A call that begins after the abort sends nothing at all.
    const late = async () => service.poll(queue, at, { signal: stop.signal });
    await expect(late()).rejects.toThrow("handing over");
    expect(server.asked()).toHaveLength(1);
  });

  test("other calls go on while a poll is open", async () => {
    const { service, server, run, clock } = createBench();
    server.next(
      { status: 202, delayMs: 50_000 },
      { status: 200, body: { count: 1, value: [101] } },
    );
    const poll = service.poll(queue, { lastMessageId: 0, maxCapacity: 1 });
    const acquired = await run(service.acquireJobs(7, "mqt-1", ["101"]));
    expect(acquired).toEqual({ ok: true, value: ["101"] });
    expect(clock.nowMs()).toBeLessThan(1_000);
    expect(await run(poll)).toEqual({ ok: true, value: undefined });
  });
});

describe("jobs", () => {
  test("acquire takes the queue token and sends the ids digit by digit", async () => {
    const { service, server, run } = createBench();
    server.next({ status: 200, body: '{"count":2,"value":[101,9007199254740993]}' });
    const ids = ["101", "102", "9007199254740993"];
    const acquired = await run(service.acquireJobs(7, "mqt-1", ids));
    expect(acquired).toEqual({ ok: true, value: ["101", "9007199254740993"] });
    expect(last(server.requests)).toMatchObject({
      method: "POST",
      url: `${setPath}/7/acquirejobs?${v}`,
      headers: { Authorization: "Bearer mqt-1", "Content-Type": "application/json" },
      body: "[101,102,9007199254740993]",
    });
  });

  test("nothing to acquire asks nothing, and what is no id is refused", async () => {
    const { service, server, run } = createBench();
    expect(await run(service.acquireJobs(7, "mqt-1", []))).toEqual({ ok: true, value: [] });
    const bad = service.acquireJobs(7, "mqt-1", ["1],[2"]);
    await expect(run(bad)).rejects.toThrow(RangeError);
    expect(server.asked()).toEqual([]);
  });

  test("an answer without a list has acquired nothing", async () => {
    const { service, server, run } = createBench();
    server.always({ status: 200, body: { count: 0 } });
    expect(await run(service.acquireJobs(7, "m", ["1"]))).toEqual({ ok: true, value: [] });
  });

  test("jobs that can be acquired are listed with the admin token", async () => {
    const { service, server, run } = createBench();
    const value = '[{"runnerRequestId":9007199254740993},{"x":1},{"RunnerRequestId":5}]';
    server.next({ status: 200, body: `{"count":3,"value":${value}}` }, { status: 204 });
    const listed = await run(service.listAcquirableJobs(7));
    expect(listed).toEqual({ ok: true, value: ["9007199254740993", "5"] });
    expect(last(server.requests)).toMatchObject({
      method: "GET",
      url: `${setPath}/7/acquirablejobs?${v}`,
      headers: { Authorization: expect.stringMatching(/^Bearer eyJ/) },
    });
    expect(await run(service.listAcquirableJobs(7))).toEqual({ ok: true, value: [] });
  });
});

describe("runners", () => {
  const agents = `${serviceBase}/_apis/distributedtask/pools/0/agents`;

  test("a JIT config is made for a name and a work folder", async () => {
    const { service, server, run } = createBench();
    const runner = { id: 42, name: "my-set-runner-1", runnerScaleSetId: 7 };
    server.next({ status: 200, body: { runner, encodedJITConfig: "ZmFrZQ==" } });
    const made = await run(
      service.generateJitConfig(7, { name: "my-set-runner-1", workFolder: "" }),
    );
    const value = {
      runner: { id: 42, name: "my-set-runner-1", scaleSetId: 7 },
      encoded: "ZmFrZQ==",
    };
    expect(made).toEqual({ ok: true, value });
    expect(last(server.requests)).toMatchObject({
      method: "POST",
      url: `${setPath}/7/generatejitconfig?${v}`,
      body: '{"name":"my-set-runner-1","workFolder":""}',
    });
  });

  test("an answer that holds no JIT config is unreadable, not an empty one", async () => {
    const { service, server, run } = createBench();
    server.next({ status: 200, body: { count: 0, value: [] } });
    const made = await run(service.generateJitConfig(7, { name: "r", workFolder: "" }));
    expect(made).toMatchObject({ ok: false, failure: { reason: "unreadable" } });
  });

  test("a runner is found by name and by number, and removed", async () => {
    const { service, server, run } = createBench();
    const wire = { id: 42, name: "r", runnerScaleSetId: 7, status: "online" };
    server.next(
      { status: 200, body: { count: 1, value: [wire] } },
      { status: 200, body: { count: 0, value: [] } },
      { status: 200, body: wire },
      { status: 204 },
    );
    const runner = { id: 42, name: "r", scaleSetId: 7, online: true };
    expect(await run(service.findRunnerByName("r"))).toEqual({ ok: true, value: runner });
    expect(await run(service.findRunnerByName("r"))).toEqual({ ok: true, value: undefined });
    expect(await run(service.findRunner(42))).toEqual({ ok: true, value: runner });
    expect(await run(service.removeRunner(42))).toEqual({ ok: true, value: "removed" });
    expect(server.asked()).toEqual([
      `GET ${agents}?agentName=r&${v}`,
      `GET ${agents}?agentName=r&${v}`,
      `GET ${agents}/42?${v}`,
      `DELETE ${agents}/42?${v}`,
    ]);
  });
});
