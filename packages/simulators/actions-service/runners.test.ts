// Why: a registration is single-use, a busy runner cannot be removed, and one that vanishes takes
// its job along or leaves a registration behind: what a reconciler must clean up.
import { expect, test } from "vitest";
import { createBed, idsOf } from "./protocol-fixture.ts";
import { decodeJitConfig } from "./jit-config.ts";

async function openBed(knobs = {}) {
  const bed = createBed("acquire", { sessionLapseMs: 1e9, adminTokenLifeMs: 1e9, ...knobs });
  const admin = await bed.connect();
  const set = await bed.createSet(admin, "my-set");
  const listener = await bed.session(admin, set);
  const agents = `${admin.url}/distributedtask/pools/0/agents`;
  /** Queues a job and acquires it. */
  const assign = async (order = {}) => {
    const [job] = bed.control.queueJobs({ scaleSet: "my-set", ...order });
    const { log = [] } = bed.control.messages("my-set") ?? {};
    await bed.acquire(listener, set, idsOf(await bed.poll(listener, log.at(-1)?.id ?? 0)));
    return job?.key ?? "";
  };
  const remove = (id: number) => bed.call("DELETE", `${agents}/${id}`, { token: admin.token });
  return { ...bed, admin, set, agents, assign, remove };
}

test("a JIT config decodes to all that a runner needs, about 4 KiB of it", async () => {
  const { admin, set, register } = await openBed();
  const encoded = String((await register(admin, set, "runner-1")).json["encodedJITConfig"]);
  expect(encoded.length).toBeGreaterThan(3_500);
  const files: unknown = JSON.parse(Buffer.from(encoded, "base64").toString());
  expect(Object.keys(files as object)).toEqual([
    ".runner",
    ".credentials",
    ".credentials_rsaparams",
  ]);
  expect(decodeJitConfig(encoded)).toMatchObject({
    runnerId: 1,
    runnerName: "runner-1",
    serverUrl: "https://ghes.test/_runner",
    workFolder: "_work",
  });
});

test("a JIT config connects once, also after the runner went away", async () => {
  const { admin, set, runner } = await openBed();
  const one = await runner(admin, set, "runner-1");
  expect(await one.connect()).toBe("online");
  expect(await one.connect()).toBe("used");
  await one.disconnect();
  expect(await one.connect()).toBe("used");
});

test("a runner is looked up by id and by name, in its own scope only", async () => {
  const { call, connect, admin, set, agents, register } = await openBed();
  await register(admin, set, "runner-1");
  const { token } = admin;
  expect((await call("GET", `${agents}/1`, { token })).json).toMatchObject({
    id: 1,
    name: "runner-1",
    runnerScaleSetId: 1,
    status: "offline",
    busy: false,
  });
  expect((await call("GET", `${agents}?agentName=Runner-1`, { token })).json["count"]).toBe(1);
  expect((await call("GET", `${agents}?agentName=other`, { token })).json["count"]).toBe(0);
  const other = await connect("other-org");
  const theirs = `${other.url}/distributedtask/pools/0/agents`;
  expect((await call("GET", `${theirs}/1`, { token: other.token })).status).toBe(404);
  expect((await call("DELETE", `${theirs}/1`, { token: other.token })).status).toBe(204);
  expect((await call("GET", `${agents}/1`, { token })).status).toBe(200);
});

test("a busy runner cannot be removed; an idle one can, and its poll says that it is gone", async () => {
  const { clock, admin, set, runner, assign, remove, control } = await openBed();
  const [busy, idle] = [await runner(admin, set, "busy"), await runner(admin, set, "idle")];
  await busy.connect();
  await idle.connect();
  await assign();
  await busy.takeJob();
  const refused = await remove(1);
  expect([refused.status, refused.json["typeName"]]).toEqual([
    400,
    expect.stringContaining("JobStillRunningException"),
  ]);
  const waiting = idle.takeJob();
  await clock.settle();
  expect((await remove(2)).status).toBe(204);
  expect(await waiting).toBe("gone");
  expect((await remove(2)).status).toBe(204);
  expect(await busy.finish("succeeded")).toBe("finished");
  expect(control.runners()).toEqual([]);
  expect(await busy.finish("succeeded")).toBe("gone");
});

test("an idle runner takes the oldest assigned job, at once when it comes", async () => {
  const { clock, admin, set, runner, assign } = await openBed();
  const one = await runner(admin, set, "one");
  await one.connect();
  const waiting = one.takeJob();
  await clock.runFor(5_000);
  const first = await assign({ durationMs: 4_000, result: "failed" });
  await assign();
  expect(await waiting).toMatchObject({ job: first, durationMs: 4_000, result: "failed" });
});

test("an aborted wait takes no job", async () => {
  const { clock, admin, set, runner, assign, control } = await openBed();
  const one = await runner(admin, set, "one");
  await one.connect();
  const abort = new AbortController();
  const waiting = one.takeJob(abort.signal);
  await clock.runFor(1_000);
  abort.abort(new Error("killed"));
  await expect(waiting).rejects.toThrow("killed");
  await assign();
  expect(control.ledger().counts).toMatchObject({ assigned: 1, running: 0 });
});

test("a runner that falls silent with a job loses it after the lapse, and its registration", async () => {
  const { clock, admin, set, runner, assign, control } = await openBed({ jobLapseMs: 60_000 });
  const one = await runner(admin, set, "one");
  await one.connect();
  const job = await assign();
  await one.takeJob();
  await clock.runFor(50_000);
  expect(await one.renew()).toBe("running");
  await clock.runFor(59_000);
  expect(control.findJob(job)?.state).toBe("running");
  await clock.runFor(1_000);
  expect(control.findJob(job)).toMatchObject({ state: "completed", outcome: "failed" });
  expect(control.runners()).toEqual([]);
  expect(await one.renew()).toBe("gone");
});

test("a runner that says goodbye is offline at once without a job, and lost with one after the lapse", async () => {
  const { clock, admin, set, runner, assign, control } = await openBed({ jobLapseMs: 60_000 });
  const [idle, busy] = [await runner(admin, set, "idle"), await runner(admin, set, "busy")];
  await idle.connect();
  await idle.disconnect();
  await busy.connect();
  const job = await assign();
  await busy.takeJob();
  await busy.disconnect();
  const states = () => control.runners().map((one) => `${one.name} ${one.state}`);
  expect(states()).toEqual(["idle offline", "busy busy"]);
  await clock.runFor(60_000);
  expect(states()).toEqual(["idle offline"]);
  expect(control.findJob(job)?.outcome).toBe("failed");
});

test("an idle runner that falls silent is offline after its lapse, but stays registered", async () => {
  const { clock, admin, set, runner, control } = await openBed({ idleLapseMs: 30_000 });
  const one = await runner(admin, set, "one");
  await one.connect();
  expect(control.ledger().scaleSets[0]?.statistics).toMatchObject({ totalIdleRunners: 1 });
  await clock.runFor(30_000);
  expect(control.runners()).toMatchObject([{ state: "offline" }]);
  expect(control.ledger().scaleSets[0]?.statistics).toMatchObject({ totalRegisteredRunners: 0 });
});

test("a running job that is cancelled is torn from its runner, which learns it when it speaks", async () => {
  const { admin, set, runner, assign, control } = await openBed();
  const one = await runner(admin, set, "one");
  await one.connect();
  const job = await assign();
  await one.takeJob();
  expect(control.cancelJob(job)).toMatchObject({ outcome: "canceled", runnerName: "one" });
  expect(await one.renew()).toBe("gone");
  expect(control.ledger().counts).toMatchObject({ completed: 1, canceled: 0 });
});

test("more registrations than the window allows are answered 429 with the time to wait", async () => {
  const { clock, connect, admin, set, createSet, register } = await openBed({
    registrationsMax: 3,
    registrationWindowMs: 300_000,
  });
  await register(admin, set, "a");
  await clock.runFor(100_000);
  await register(admin, set, "b");
  await register(admin, set, "c");
  const refused = await register(admin, set, "d");
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "200"]);
  const other = await connect("other-org");
  const theirs = await createSet(other, "my-set");
  expect((await register(other, theirs, "d")).status).toBe(200);
  await clock.runFor(200_000);
  expect((await register(admin, set, "d")).status).toBe(200);
  expect((await register(admin, set, "e")).status).toBe(429);
});

test("1,500 runners register in five minutes, and not one more", async () => {
  const { admin, set, register } = await openBed();
  const statuses = new Map<number, number>();
  for (let index = 0; index < 1_502; index++) {
    const { status } = await register(admin, set, `runner-${index}`);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  expect([...statuses]).toEqual([
    [200, 1_500],
    [429, 2],
  ]);
});

test("a runner whose job got lost on the way asks again and is given the same one", async () => {
  const { admin, set, runner, assign, control } = await openBed();
  const one = await runner(admin, set, "one");
  await one.connect();
  const job = await assign();
  control.addFault({ route: "runnerJob", drop: "after" });
  await expect(one.takeJob()).rejects.toThrow("fetch failed");
  expect(await one.takeJob()).toMatchObject({ job });
  expect(await one.finish("succeeded")).toBe("finished");
});
