// Why: GitHub keeps each attempt to deliver a webhook for three days, so that a receiver can ask
// what it missed.
import type { Clock } from "@runlet/runtime/clock";
import type { WebhookAction } from "./webhook-payload.ts";

/** One attempt, as the REST API lists it. */
export interface Delivery {
  /** Beyond what a double holds, as GitHub's since February 2026 (octokit/request.js #797). */
  id: bigint;
  guid: string;
  owner: string;
  action: WebhookAction;
  job: string;
  /** Milliseconds since 1970. */
  deliveredAt: number;
  redelivery: boolean;
  /** The receiver's status; 0 when it was not reached. */
  statusCode: number;
  body: string;
}

export interface DeliveryLog {
  nextId(): bigint;
  keep(attempt: Delivery): void;
  find(id: bigint): Delivery | undefined;
  /** Newest first. */
  list(owner?: string): Delivery[];
}

const keptMs = 3 * 24 * 60 * 60_000;
/** The most attempts kept, so that a simulator left running does not grow. */
const keptMax = 5_000;

export function createDeliveryLog(clock: Clock): DeliveryLog {
  const kept: Delivery[] = [];
  let lastId = 3_804_004_623_172_239_366n;
  return {
    nextId: () => (lastId += 1n),
    keep(attempt) {
      kept.push({ ...attempt, deliveredAt: clock.wallMs() });
      if (kept.length > keptMax) kept.splice(0, kept.length - keptMax);
    },
    find: (id) => kept.find((one) => one.id === id),
    list(owner) {
      const since = clock.wallMs() - keptMs;
      return kept
        .filter((one) => one.deliveredAt >= since && (!owner || one.owner === owner.toLowerCase()))
        .reverse();
    },
  };
}
