// Why: GitHub tells us of a job seconds before the message queue of a resting shard would be read. A webhook is
// a hint: losing, doubling or replaying one changes latency, never correctness. So the app does the least:
// verify, match, wake, answer 202 – and 202 is the answer whenever it is no attack, since GitHub does not
// retry by itself and a 5xx would only raise false alarms (docs.github.com, "Handling failed webhook deliveries").
import { Hono } from "hono";
import type { Wakes } from "@runlet/coordination/wake";
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import { readBounded } from "./read-bounded.ts";
import { parseWorkflowJob, type WorkflowJob } from "./workflow-job.ts";
import { verifySignature } from "./verify.ts";

export interface WebhookDeps {
  clock: Clock;
  log: Log;
  wakes: Wakes;
  /** The current secret and, during a rotation, the one before. */
  secrets: () => Promise<string[]>;
  /** The shards of the scale sets that a job with these facts can go to. */
  findShards: (job: WorkflowJob) => Promise<{ shard: string; scaleSetKey: string }[]>;
  /** True when this delivery was acted on before. Economy only. */
  seenBefore: (deliveryId: string) => Promise<boolean>;
  /** Called when it has been acted on: one that failed halfway must count when it comes again. */
  remember: (deliveryId: string) => Promise<unknown>;
  /** Notes the job in its timeline; failures are the caller's to swallow. */
  note: (job: WorkflowJob, scaleSetKeys: string[]) => Promise<void>;
  count: (result: WebhookResult) => void;
  /** Largest body that is read, bytes. GitHub's own cap is 25 MB; a workflow_job is under 64 kB. */
  bodyMaxBytes?: number;
}

export type WebhookResult =
  | "woken"
  | "unmatched"
  | "ignored"
  | "repeated"
  | "unauthorized"
  | "too-large"
  | "malformed"
  | "failed";

const defaultBodyMax = 1024 * 1024;

/** `POST /webhook` (and `/`), `GET /healthz`. */
export function createWebhookApp(deps: WebhookDeps): Hono {
  const app = new Hono();
  app.get("/healthz", (context) => context.json({ ok: true }));
  app.on("POST", ["/", "/webhook"], async (context) => {
    const { status, result } = await receive(deps, context.req.raw);
    deps.count(result);
    return context.json({ result }, status);
  });
  return app;
}

type Answer = { status: 202 | 400 | 401 | 413; result: WebhookResult };

async function receive(deps: WebhookDeps, request: Request): Promise<Answer> {
  const body = await readBounded(request, deps.bodyMaxBytes ?? defaultBodyMax);
  if (body === undefined) return { status: 413, result: "too-large" };
  // Nothing is parsed before the signature over the raw bytes is right.
  const signature = request.headers.get("x-hub-signature-256") ?? "";
  if (!(await verifySignature(await deps.secrets(), body, signature))) {
    deps.log.warn("webhook_refused", { why: signature ? "wrong signature" : "no signature" });
    return { status: 401, result: "unauthorized" };
  }
  if (request.headers.get("x-github-event") !== "workflow_job") {
    return { status: 202, result: "ignored" };
  }
  const job = parseWorkflowJob(body);
  if (!job) return { status: 400, result: "malformed" };
  return { status: 202, result: await act(deps, job, request.headers.get("x-github-delivery")) };
}

/** A signed event: whatever goes wrong from here on is ours, and the sweep makes it good. */
async function act(
  deps: WebhookDeps,
  job: WorkflowJob,
  delivery: string | null,
): Promise<WebhookResult> {
  try {
    if (delivery && (await deps.seenBefore(delivery))) return "repeated";
    const found = await deps.findShards(job);
    const shards = job.action === "queued" ? [...new Set(found.map(({ shard }) => shard))] : [];
    await Promise.all(shards.map((shard) => deps.wakes.wake(shard, "webhook")));
    if (delivery) await deps.remember(delivery);
    const scaleSets = found.map(({ scaleSetKey }) => scaleSetKey);
    await deps.note(job, scaleSets);
    if (found.length === 0) return "unmatched";
    const { action, runId, name: jobName } = job;
    deps.log.info("webhook_matched", { action, runId, jobName, scaleSets, shards });
    return shards.length > 0 ? "woken" : "ignored";
  } catch (error) {
    deps.log.error("webhook_failed", { job: job.id, error });
    return "failed";
  }
}
