// Why: GitHub tells us of a job seconds before the message queue of a resting shard would be read. A webhook is
// a hint: losing, doubling or replaying one changes latency, never correctness. So the app does the least:
// verify, match, wake, answer 202. GitHub does not retry by itself, it lists what was answered otherwise
// (docs.github.com, "Handling failed webhook deliveries"), and the sweep has the listed ones sent again. So 202 is the
// answer to everything that would end alike the next time, and 503 to what failed for a reason of our own.
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
    const { status, result } = await answer(deps, context.req.raw);
    deps.count(result);
    return context.json({ result }, status);
  });
  return app;
}

type Answer = { status: 202 | 401 | 413 | 503; result: WebhookResult };

interface Received {
  body: Uint8Array;
  headers: Headers;
}

async function answer(deps: WebhookDeps, request: Request): Promise<Answer> {
  try {
    const body = await readBounded(request, deps.bodyMaxBytes ?? defaultBodyMax);
    if (body === undefined) return { status: 413, result: "too-large" };
    return await receive(deps, { body, headers: request.headers });
  } catch (error) {
    deps.log.error("webhook_failed", { error });
    return { status: 503, result: "failed" };
  }
}

async function receive(deps: WebhookDeps, { body, headers }: Received): Promise<Answer> {
  const signature = headers.get("x-hub-signature-256") ?? "";
  // Nothing is parsed before the signature over the raw bytes is right.
  const text = await verifySignature(await deps.secrets(), body, signature);
  if (text === undefined) {
    deps.log.warn("webhook_refused", { why: signature ? "wrong signature" : "no signature" });
    return { status: 401, result: "unauthorized" };
  }
  if (headers.get("x-github-event") !== "workflow_job") return { status: 202, result: "ignored" };
  const job = parseWorkflowJob(text);
  if (job) return { status: 202, result: await act(deps, job, headers.get("x-github-delivery")) };
  deps.log.warn("webhook_malformed", { delivery: headers.get("x-github-delivery") });
  return { status: 202, result: "malformed" };
}

/** Rejects when table or invoker do: then the delivery is not remembered, and counts when it comes again. */
async function act(
  deps: WebhookDeps,
  job: WorkflowJob,
  delivery: string | null,
): Promise<WebhookResult> {
  // Each step is a round trip to the table in front of a waiting job: what can go side by side does.
  const [seen, found] = await Promise.all([
    delivery ? deps.seenBefore(delivery) : false,
    deps.findShards(job),
  ]);
  if (seen) return "repeated";
  const shards = job.action === "queued" ? [...new Set(found.map(({ shard }) => shard))] : [];
  await Promise.all(shards.map((shard) => deps.wakes.wake(shard, "webhook")));
  const scaleSets = found.map(({ scaleSetKey }) => scaleSetKey);
  const { action, runId, name: jobName } = job;
  if (found.length > 0) {
    deps.log.info("webhook_matched", { action, runId, jobName, scaleSets, shards });
  }
  await Promise.all([delivery && deps.remember(delivery), deps.note(job, scaleSets)]);
  if (found.length === 0) return "unmatched";
  return shards.length > 0 ? "woken" : "ignored";
}
