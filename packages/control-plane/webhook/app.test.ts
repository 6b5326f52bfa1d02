import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLog, createSilentLog } from "@runlet/runtime/log";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { createWebhookApp, type WebhookDeps } from "./app.ts";

const secret = "a-secret-of-the-test";

function sign(body: string, by = secret): string {
  return `sha256=${createHmac("sha256", by).update(body).digest("hex")}`;
}

function workflowJob(change: Record<string, unknown> = {}): string {
  return JSON.stringify({
    action: "queued",
    workflow_job: { id: 12, run_id: 34, name: "build", labels: ["linux-large"] },
    repository: {
      name: "shop",
      full_name: "Acme/shop",
      html_url: "https://github.com/Acme/shop",
      owner: { login: "Acme" },
    },
    ...change,
  });
}

function setUp(change: Partial<WebhookDeps> = {}) {
  const woken: string[] = [];
  const counted: string[] = [];
  const delivered = new Set<string>();
  const app = createWebhookApp({
    clock: createVirtualClock(),
    log: createSilentLog(),
    wakes: {
      wake: async (shard) => (woken.push(shard), "invoked"),
      findFlag: async () => undefined,
      clear: async () => {},
    },
    secrets: async () => [secret],
    findShards: async (job) =>
      job.labels.includes("linux-large") ? [{ shard: "shard-3", scaleSetKey: "set" }] : [],
    seenBefore: async (id) => delivered.has(id),
    remember: async (id) => delivered.add(id),
    note: async () => {},
    count: (result) => counted.push(result),
    ...change,
  });
  const post = (body: string, headers: Record<string, string> = {}) =>
    app.request("/webhook", {
      method: "POST",
      body,
      headers: {
        "x-hub-signature-256": sign(body),
        "x-github-event": "workflow_job",
        "x-github-delivery": "d-1",
        ...headers,
      },
    });
  return { app, post, woken, counted };
}

describe("the webhook", () => {
  it("wakes the shard of a queued job and answers 202", async () => {
    const { post, woken, counted } = setUp();
    expect((await post(workflowJob())).status).toBe(202);
    expect(woken).toEqual(["shard-3"]);
    expect(counted).toEqual(["woken"]);
  });

  it("answers 401 to a missing or wrong signature, and nothing happens", async () => {
    const { post, woken } = setUp();
    const right = sign(workflowJob());
    expect((await post("", { "x-hub-signature-256": sign("") })).status).toBe(401);
    const wrong = ["", "sha256=", sign(workflowJob(), "another"), `${right}0`, right.slice(0, -1)];
    wrong.push(right.replace("sha256", "sha1"), right.slice("sha256=".length));
    for (const signature of wrong) {
      const answer = await post(workflowJob(), { "x-hub-signature-256": signature });
      expect(answer.status).toBe(401);
    }
    expect(woken).toEqual([]);
  });

  it("refuses a body in which any one byte was changed (I17)", async () => {
    const body = workflowJob();
    await fc.assert(
      fc.asyncProperty(
        fc.nat(body.length - 1),
        fc.integer({ min: 33, max: 126 }),
        async (at, to) => {
          fc.pre(body.charCodeAt(at) !== to);
          const changed = body.slice(0, at) + String.fromCharCode(to) + body.slice(at + 1);
          const { post, woken } = setUp();
          const answer = await post(changed, { "x-hub-signature-256": sign(body) });
          expect(answer.status).toBe(401);
          expect(woken).toEqual([]);
        },
      ),
    );
  });

  it("refuses bytes that only look like the signed text: not UTF-8, or with a BOM", async () => {
    const text = workflowJob({ note: "\ufffd" });
    const bytes = Buffer.from(text);
    const at = bytes.indexOf("\ufffd");
    const invalid = Buffer.concat([bytes.subarray(0, at), Buffer.of(0xff), bytes.subarray(at + 3)]);
    for (const body of [invalid, Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), bytes])]) {
      const { app, woken } = setUp();
      const headers = { "x-hub-signature-256": sign(text), "x-github-event": "workflow_job" };
      const answer = await app.request("/webhook", { method: "POST", body, headers });
      expect([answer.status, woken]).toEqual([401, []]);
    }
  });

  it("says in no log line and no answer what the right signature would be", async () => {
    const lines: string[] = [];
    const log = createLog({ write: (line) => lines.push(line), wallMs: () => 0 });
    const { post } = setUp({ log });
    const answer = await post(workflowJob(), { "x-hub-signature-256": sign("other") });
    const said = [...lines, await answer.text()].join("\n");
    expect(said).toContain("wrong signature");
    for (const signature of [sign(workflowJob()), sign("other")]) {
      expect(said).not.toContain(signature.slice("sha256=".length));
    }
  });

  it("writes of headers and bodies nothing but the delivery's id, whatever becomes of them", async () => {
    const lines: string[] = [];
    const write = (line: string) => lines.push(line);
    const log = createLog({ write, wallMs: () => 0 }, { level: "debug" });
    const headers = {
      "x-secret": "canary-header",
      cookie: "canary-cookie",
      authorization: "canary",
    };
    const { post } = setUp({ log });
    const down = setUp({ log, findShards: () => Promise.reject(new Error("table down")) });
    const bodies = [workflowJob({ note: "canary-body" }), "{canary-body", '["canary-body"]'];
    for (const body of bodies) {
      await post(body, headers);
      await post(body, { ...headers, "x-hub-signature-256": sign("canary") });
      await down.post(body, headers);
    }
    expect(new Set(lines.map((line) => (JSON.parse(line) as { event: string }).event))).toEqual(
      new Set(["webhook_matched", "webhook_refused", "webhook_failed", "webhook_malformed"]),
    );
    expect(lines.join("\n")).not.toMatch(/canary|[0-9a-f]{40}/);
    expect(lines.join("\n")).toContain('"delivery":"d-1"');
  });

  it("accepts the secret before the current one during a rotation, and no third", async () => {
    const { post } = setUp({ secrets: async () => ["new", secret, "third"] });
    expect((await post(workflowJob())).status).toBe(202);
    const third = sign(workflowJob(), "third");
    expect((await post(workflowJob(), { "x-hub-signature-256": third })).status).toBe(401);
  });

  it("refuses everything when no secret is set", async () => {
    const { post } = setUp({ secrets: async () => [""] });
    const answer = await post(workflowJob(), { "x-hub-signature-256": sign(workflowJob(), "") });
    expect(answer.status).toBe(401);
  });

  it("answers 413 to a body over the cap without reading it to its end", async () => {
    const { app } = setUp({ bodyMaxBytes: 1_000 });
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 500;
        controller.enqueue(new Uint8Array(500));
      },
    });
    // Node asks for `duplex` with a stream; the DOM's type does not know it.
    const init = { method: "POST", body: endless, duplex: "half" } as RequestInit;
    const answer = await app.request(new Request("http://webhook.test/webhook", init));
    expect(answer.status).toBe(413);
    expect(pulled).toBeLessThan(5_000);
  });

  it("answers 202 to what would end alike the next time: a signed workflow_job that is none, another event", async () => {
    const { post, woken, counted } = setUp();
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    for (const body of ["{", "[]", deep, workflowJob({ workflow_job: { id: "x" } })]) {
      expect((await post(body)).status).toBe(202);
    }
    expect(counted).toEqual(Array.from({ length: 4 }, () => "malformed"));
    expect((await post("{}", { "x-github-event": "ping" })).status).toBe(202);
    expect((await post(workflowJob(), { "x-github-event": "check_run" })).status).toBe(202);
    expect(woken).toEqual([]);
  });

  it("wakes once for a delivery that comes twice", async () => {
    const { post, woken, counted } = setUp();
    await post(workflowJob());
    expect((await post(workflowJob())).status).toBe(202);
    expect(woken).toHaveLength(1);
    expect(counted).toEqual(["woken", "repeated"]);
  });

  it("wakes when a delivery that failed halfway comes again", async () => {
    let tries = 0;
    const wake = async () => {
      if (tries++ === 0) throw new Error("table down");
      return "invoked" as const;
    };
    const wakes = { wake, findFlag: async () => undefined, clear: async () => {} };
    const { post, counted } = setUp({ wakes });
    await post(workflowJob());
    await post(workflowJob());
    expect(counted).toEqual(["failed", "woken"]);
  });

  // GitHub has sent wrong ones for hours (github-aws-runners/terraform-aws-github-runner #5123).
  it("takes no notice of the installation, wrong or missing", async () => {
    const { post, woken } = setUp();
    const bodies = [undefined, null, { id: 0 }, { id: "none" }, "nonsense", []].map(
      (installation) => workflowJob({ installation }),
    );
    for (const [at, body] of bodies.entries()) {
      expect((await post(body, { "x-github-delivery": `d-${at}` })).status).toBe(202);
    }
    expect(woken).toEqual(bodies.map(() => "shard-3"));
  });

  it("answers 202 to a signed job with an action or a number of labels nobody knows yet", async () => {
    const { post, woken } = setUp();
    const labels = Array.from({ length: 300 }, (_, n) => `label-${n}`);
    expect((await post(workflowJob({ action: "paused" }))).status).toBe(202);
    const job = { id: 1, run_id: 2, labels };
    expect(
      (await post(workflowJob({ workflow_job: job }), { "x-github-delivery": "d-9" })).status,
    ).toBe(202);
    expect(woken).toEqual([]);
  });

  it("wakes nobody for a job that has started or ended, or that matches nothing", async () => {
    const { post, woken, counted } = setUp();
    await post(workflowJob({ action: "in_progress" }), { "x-github-delivery": "d-2" });
    await post(workflowJob({ action: "completed" }), { "x-github-delivery": "d-3" });
    const other = { id: 1, run_id: 2, labels: ["windows"] };
    await post(workflowJob({ workflow_job: other }), { "x-github-delivery": "d-4" });
    expect(woken).toEqual([]);
    expect(counted).toEqual(["ignored", "ignored", "unmatched"]);
  });

  it("answers 503 when table, invoker or secret are away, so that the sweep has it sent again", async () => {
    const down = async () => Promise.reject(new Error("table down"));
    const wakes = { wake: down, findFlag: async () => undefined, clear: async () => {} };
    for (const change of [{ findShards: down }, { wakes }, { secrets: down }]) {
      const { post, counted } = setUp(change);
      expect((await post(workflowJob())).status).toBe(503);
      expect(counted).toEqual(["failed"]);
    }
  });

  it("tells its health without a signature", async () => {
    const { app } = setUp();
    expect((await app.request("/healthz")).status).toBe(200);
  });
});
