// Why: GitHub tells of jobs by signed webhooks, once, without a retry of its own; some come late,
// twice or not at all, and the failed ones can be asked for and sent again (docs.github.com,
// "Handling failed webhook deliveries").
import { createHmac } from "node:crypto";
import type { Clock } from "@runlet/runtime/clock";
import { describeError, type Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import type { Job } from "../job-ledger/ledger.ts";
import { createDeliveryLog, type Delivery } from "./delivery-log.ts";
import type { Events } from "./events.ts";
import { writeJson } from "./json.ts";
import type { Knobs } from "./knobs.ts";
import { workflowJobPayload, type WebhookAction } from "./webhook-payload.ts";

/** Sends one webhook; resolves to the receiver's status, rejects if it cannot be reached. */
export type Deliver = (
  url: string,
  headers: Record<string, string>,
  body: string,
) => Promise<number>;

export interface Webhooks {
  /** Attempts of the last three days at most, newest first. */
  deliveries(owner?: string): Delivery[];
  /** Sends a delivery again under the same GUID; false if it is unknown. */
  redeliver(id: bigint): boolean;
  /** Those under way and not yet sent are lost. */
  stop(): void;
}

interface Deps {
  clock: Clock;
  random: Random;
  events: Events;
  knobs: () => Knobs;
  log?: Log;
  deliver?: Deliver;
  webhook: { url: string; secret: string } | undefined;
  /** Where people find an owner's repositories: it tells one GitHub from another. */
  webUrlOf: (owner: string) => string;
}

const actions: Partial<Record<string, WebhookAction>> = {
  "job-queued": "queued",
  "job-started": "in_progress",
  "job-completed": "completed",
};

export function createWebhooks(deps: Deps): Webhooks {
  const { clock, random, events, knobs } = deps;
  const attempts = createDeliveryLog(clock);
  /** What cancels the ones that are to leave. */
  const waiting = new Set<() => void>();

  events.listen((event) => {
    const action = actions[event.kind];
    if (!deps.webhook || !deps.deliver || !action || !("job" in event)) return;
    if (typeof event.job !== "object") return;
    const attempt = prepare(event.job, action);
    if (random.next() < knobs().webhookLoss) return lose(attempt);
    leave(attempt);
    if (random.next() < knobs().webhookDoubling) leave({ ...attempt, id: attempts.nextId() });
  });

  function prepare(job: Job, action: WebhookAction): Delivery {
    const wall = (at: number) => clock.wallMs() - clock.nowMs() + at;
    return {
      id: attempts.nextId(),
      guid: random.uuid(),
      owner: job.owner.toLowerCase(),
      action,
      job: job.key,
      deliveredAt: clock.wallMs(),
      redelivery: false,
      statusCode: 0,
      body: writeJson(workflowJobPayload(action, job, wall, deps.webUrlOf(job.owner))),
    };
  }

  function lose(attempt: Delivery) {
    attempts.keep({ ...attempt, statusCode: 0 });
    const { guid: delivery, action, job } = attempt;
    events.publish({ kind: "webhook-lost", delivery, action, job });
  }

  function leave(attempt: Delivery) {
    const cancel = clock.after(knobs().webhookDelayMs, () => {
      waiting.delete(cancel);
      send(attempt).catch((error: unknown) => {
        deps.log?.warn("webhook_not_sent", { error: describeError(error) });
      });
    });
    waiting.add(cancel);
  }

  async function send(attempt: Delivery) {
    const { deliver, webhook } = deps;
    if (!deliver || !webhook) return;
    const { guid: delivery, action, job } = attempt;
    const statusCode = await deliver(webhook.url, headersOf(attempt, webhook.secret), attempt.body)
      // Not reached: listed with 0, like a lost one.
      .catch(() => 0);
    attempts.keep({ ...attempt, statusCode });
    const kind = statusCode === 0 ? "webhook-lost" : "webhook-sent";
    events.publish({ kind, delivery, action, job });
  }

  return {
    deliveries: (owner) => attempts.list(owner),
    redeliver(id) {
      const attempt = attempts.find(id);
      if (!attempt) return false;
      leave({ ...attempt, id: attempts.nextId(), redelivery: true });
      return true;
    },
    stop() {
      for (const cancel of waiting) cancel();
      waiting.clear();
    },
  };
}

function headersOf(attempt: Delivery, secret: string): Record<string, string> {
  const signature = createHmac("sha256", secret).update(attempt.body).digest("hex");
  return {
    "content-type": "application/json",
    "user-agent": "GitHub-Hookshot/simulator",
    "x-github-event": "workflow_job",
    "x-github-delivery": attempt.guid,
    "x-github-hook-id": "1",
    "x-github-hook-installation-target-type": "organization",
    "x-hub-signature-256": `sha256=${signature}`,
  };
}
