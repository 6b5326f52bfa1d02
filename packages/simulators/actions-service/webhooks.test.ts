// Why: webhooks are hints that come late, twice or never; the receiver must be able to check and to
// ask again.
import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { readJson } from "./json.ts";
import { createBed, idsOf } from "./protocol-fixture.ts";

interface Received {
  at: number;
  url: string;
  headers: Record<string, string>;
  body: string;
}

function openBed(knobs = {}, answer: (received: Received[]) => number = () => 202) {
  const received: Received[] = [];
  const bed = createBed("acquire", knobs, {
    webhook: { url: "https://hooks.test/webhook", secret: "s3cret" },
    deliver: async (url, headers, body) => {
      received.push({ at: bed.clock.nowMs(), url, headers, body });
      const status = answer(received);
      if (status === 0) throw new Error("connection refused");
      return status;
    },
  });
  return { ...bed, received };
}

test("queued, in_progress and completed come signed, in GitHub's shape", async () => {
  const { clock, connect, createSet, session, poll, acquire, runner, control, received } =
    openBed();
  const admin = await connect();
  const set = await createSet(admin, "my-set");
  const listener = await session(admin, set);
  control.queueJobs({ scaleSet: "my-set" });
  await acquire(listener, set, idsOf(await poll(listener)));
  const one = await runner(admin, set, "runner-1");
  await one.connect();
  await one.takeJob();
  await one.finish("failed");
  await clock.runFor(1);
  const payloads = received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  expect(payloads.map((payload) => payload["action"])).toEqual([
    "queued",
    "in_progress",
    "completed",
  ]);
  for (const { url, headers, body } of received) {
    expect(url).toBe("https://hooks.test/webhook");
    const expected = createHmac("sha256", "s3cret").update(body).digest("hex");
    expect(headers).toMatchObject({
      "x-github-event": "workflow_job",
      "x-hub-signature-256": `sha256=${expected}`,
      "content-type": "application/json",
    });
  }
  expect(new Set(received.map(({ headers }) => headers["x-github-delivery"])).size).toBe(3);
  expect(payloads[2]).toMatchObject({
    workflow_job: {
      id: 40_000_000_001,
      run_id: 30_225_287_327,
      status: "completed",
      conclusion: "failure",
      labels: ["my-set"],
      runner_name: "runner-1",
      completed_at: "2026-01-01T00:00:00Z",
    },
    repository: {
      name: "repo",
      full_name: "my-org/repo",
      html_url: "https://ghes.test/my-org/repo",
    },
    organization: { login: "my-org" },
  });
  expect(payloads[0]).toMatchObject({ workflow_job: { conclusion: null, runner_name: null } });
});

test("the delay, the loss and the doubling are as the knobs say", async () => {
  const late = openBed({ webhookDelayMs: 5_000 });
  late.control.queueJobs({ scaleSet: "a", owner: "my-org" });
  await late.clock.runFor(4_999);
  expect(late.received).toEqual([]);
  await late.clock.runFor(1);
  expect(late.received.map((one) => one.at)).toEqual([5_000]);

  const lossy = openBed({ webhookLoss: 1 });
  lossy.control.queueJobs({ scaleSet: "a", owner: "my-org", count: 3 });
  await lossy.clock.runFor(1);
  expect(lossy.received).toEqual([]);
  expect(lossy.events.filter((event) => event.kind === "webhook-lost")).toHaveLength(3);

  const double = openBed({ webhookDoubling: 1 });
  double.control.queueJobs({ scaleSet: "a", owner: "my-org" });
  await double.clock.runFor(1);
  const ids = double.received.map(({ headers }) => headers["x-github-delivery"]);
  expect(ids).toHaveLength(2);
  expect(new Set(ids).size).toBe(1);
});

test("failed deliveries can be listed by page and sent again under the same GUID", async () => {
  const { clock, call, control, received } = openBed({}, (all) =>
    all.length === 1 ? 0 : all.length === 2 ? 500 : 202,
  );
  control.queueJobs({ scaleSet: "a", owner: "my-org", count: 3 });
  await clock.runFor(1);
  const path = "/api/v3/orgs/my-org/hooks/1/deliveries";
  const token = "ghp_x";
  expect((await call("GET", path, { token: "no" })).status).toBe(401);
  const first = await call("GET", `${path}?per_page=1&status=failure`, { token });
  const [failed] = readJson(first.text) as { id: bigint; guid: string; status_code: number }[];
  expect(failed?.id).toBeTypeOf("bigint");
  expect(failed?.status_code).toBe(500);
  const next = /<([^>]+)>; rel="next"/.exec(first.headers.get("link") ?? "")?.[1] ?? "";
  const second = await call("GET", next, { token });
  expect(JSON.parse(second.text)).toMatchObject([{ status_code: 0, event: "workflow_job" }]);
  expect(second.headers.get("link")).toBeNull();
  expect(JSON.parse((await call("GET", path, { token })).text)).toHaveLength(3);

  const again = await call("POST", `${path}/${failed?.id}/attempts`, { token });
  expect(again.status).toBe(202);
  await clock.runFor(1);
  expect(received.at(-1)?.headers["x-github-delivery"]).toBe(failed?.guid);
  expect((await call("POST", `${path}/999/attempts`, { token })).status).toBe(404);
});
