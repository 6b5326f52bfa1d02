// Why: `/_control/` is driven by shells and other languages, so its answers and refusals are a
// contract, and its description must be whole.
import { expect, test } from "vitest";
import { createBed } from "./protocol-fixture.ts";
import { help } from "./control-help.ts";

async function openBed() {
  const bed = createBed("acquire");
  const admin = await bed.connect();
  const set = await bed.createSet(admin, "my-set");
  const control = (method: string, path: string, body?: unknown) =>
    bed.call(method, `/_control/${path}`, body === undefined ? {} : { body: JSON.stringify(body) });
  return { ...bed, admin, set, control };
}

test("jobs are queued, cancelled and finished, and the ledger shows each of them once", async () => {
  const { control, admin, set, session, acquire, runner } = await openBed();
  const queued = await control("POST", "jobs", { scaleSet: "my-set", count: 2, durationMs: 5 });
  expect(queued.text).toContain(`"requestId":9007199254740993`);
  await acquire(await session(admin, set), set, "[9007199254740993]");
  const one = await runner(admin, set, "one");
  await one.connect();
  await one.takeJob();
  expect((await control("POST", "jobs/job-1/finish", { result: "failed" })).json).toMatchObject({
    outcome: "failed",
  });
  expect((await control("POST", "jobs/job-2/cancel")).json["outcome"]).toBe("canceled");
  expect((await control("POST", "jobs/job-2/cancel")).status).toBe(404);
  expect((await control("POST", "jobs/job-2/finish")).status).toBe(404);
  const ledger = await control("GET", "ledger");
  expect(ledger.json["counts"]).toEqual({
    queued: 2,
    available: 0,
    acquired: 0,
    assigned: 0,
    running: 0,
    completed: 2,
    canceled: 1,
  });
  expect(ledger.json["jobs"]).toMatchObject([
    { key: "job-1", queuedAt: "2026-01-01T00:00:00.000Z", outcome: "failed" },
    { key: "job-2", finishedAt: "2026-01-01T00:00:00.000Z", outcome: "canceled" },
  ]);
});

test("sessions, runners and requests are shown without their secrets", async () => {
  const { control, admin, set, session, register } = await openBed();
  const { token } = await session(admin, set);
  const jit = await register(admin, set, "one");
  const shown = await Promise.all(
    ["sessions", "runners", "requests"].map((path) => control("GET", path)),
  );
  expect(shown[0]?.text).toContain(`"ownerName":"host-1"`);
  expect(shown[1]?.text).toContain(`"name":"one"`);
  expect(shown[2]?.text).toContain(`"route":"generateJitConfig"`);
  const all = shown.map((answer) => answer.text).join("\n");
  const secrets = [token, admin.token, String(jit.json["encodedJITConfig"]), "ghp_x"];
  for (const secret of secrets) expect(all).not.toContain(secret);
});

test("knobs and faults take effect, and a wrong one is refused in one line", async () => {
  const { control, call, admin, set } = await openBed();
  const patched = await control("PATCH", "knobs", { holdMs: 500 });
  expect(patched.json).toMatchObject({ holdMs: 500, sessionLapseMs: 90_000 });
  expect((await control("POST", "faults", { route: "getScaleSet", status: 503 })).status).toBe(200);
  expect((await call("GET", set, { token: admin.token })).status).toBe(503);
  const wrong: [string, string, unknown, string][] = [
    ["PATCH", "knobs", { hold: 1 }, "there is no knob hold"],
    ["PATCH", "knobs", { holdMs: "1" }, "knob holdMs must be a number"],
    ["PATCH", "knobs", { holdMs: -1 }, "knob holdMs must not be negative"],
    ["PATCH", "knobs", { jobIds: "int" }, "knob jobIds must be one of uuid, decimal"],
    ["PATCH", "knobs", { runnerGroups: [] }, "knob runnerGroups must be a list of names"],
    ["PATCH", "knobs", [1], "knobs must be an object"],
    ["POST", "faults", { route: "x" }, `the fault's route cannot be "x"`],
    ["POST", "jobs", {}, "jobs need a scaleSet or labels"],
    [
      "POST",
      "jobs",
      { scaleSet: "my-set", count: 0 },
      "count must be a whole number from 1 to 10000",
    ],
    ["POST", "jobs", { scaleSet: "my-set", size: 1 }, "an order of jobs has no size"],
    ["POST", "jobs", { scaleSet: "unknown" }, "say whose jobs: repository OWNER/NAME or owner"],
  ];
  for (const [method, path, body, message] of wrong) {
    const answer = await control(method, path, body);
    expect([answer.status, answer.json["message"]]).toEqual([400, message]);
  }
  expect((await call("POST", "/_control/jobs", { body: "{" })).status).toBe(400);
});

test("the help names every control route and every flag", async () => {
  const { simulator } = await openBed();
  const paths = simulator.app.routes
    .filter((route) => route.path.startsWith("/_control/"))
    .map((route) => `${route.method.padEnd(5)} ${route.path.replace(":id", "ID")}`);
  expect(paths).toHaveLength(9);
  for (const path of paths) expect(help).toContain(path);
});

test("every route but the control API and the REST prefix is on record under its name", async () => {
  const { simulator } = createBed("acquire");
  const { control } = simulator;
  await simulator.fetch("https://ghes.test/nowhere").catch(() => {});
  expect(control.requests()).toEqual([]);
  await simulator.fetch("https://ghes.test/api/v3/orgs/a/actions/runners/registration-token", {
    method: "POST",
  });
  expect(control.requests()).toMatchObject([
    { method: "POST", route: "registrationToken", status: 401, at: 0, endedAt: 0 },
  ]);
});
