// Why: the webhook's function starts cold in front of a waiting job, so it is composed apart from the rest: what is
// imported here is its bundle.
import type { Hono } from "hono";
import { createWebhookApp } from "@runlet/control-plane/webhook/app";
import { createShardFinder } from "@runlet/control-plane/webhook/find-shards";
import { createDeliveries } from "@runlet/coordination/deliveries";
import type { Invoker } from "@runlet/coordination/invoker";
import { readLease } from "@runlet/coordination/lease-row";
import { createRegistry } from "@runlet/coordination/registry";
import type { Table } from "@runlet/coordination/table";
import { createTimelines } from "@runlet/coordination/timelines";
import { createWakes } from "@runlet/coordination/wake";
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { Metrics } from "@runlet/runtime/metrics";
import type { Random } from "@runlet/runtime/random";
import { noteWebhook } from "./notes.ts";

/** Everything outside of the webhook's function. */
export interface WebhookPorts {
  clock: Clock;
  random: Random;
  log: Log;
  table: Table;
  invoker: Invoker;
  metrics: Pick<Metrics, "count">;
  /** The current secret and, during a rotation, the one before. */
  webhookSecrets(): Promise<string[]>;
}

/** The webhook's application; asks nothing of the table before the first event. */
export function composeWebhook(ports: WebhookPorts): Hono {
  const { clock, random, log, table, invoker } = ports;
  const base = { table, clock, random };
  const leases = {
    read: (shard: string) => readLease(base, shard).then((found) => found?.view),
  };
  const registry = createRegistry({ ...base, log });
  const deliveries = createDeliveries(base);
  return createWebhookApp({
    clock,
    log,
    wakes: createWakes({ ...base, invoker, leases }),
    secrets: () => ports.webhookSecrets(),
    findShards: createShardFinder({ registry, clock }),
    seenBefore: (id) => deliveries.has(id),
    remember: (id) => deliveries.remember(id),
    note: noteWebhook(createTimelines({ ...base, log }), clock),
    count: (result) => ports.metrics.count("webhooks", 1, { result }),
  });
}
