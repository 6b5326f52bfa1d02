// Why: everything the poller needs from outside, asked for by the poller in its own words, so that cloud,
// one machine and tests hand it in the same way.
import type { ActionsService } from "@runlet/actions-service/service";
import type { Checkpoints } from "@runlet/coordination/checkpoints";
import type { Invoker, PollerEvent } from "@runlet/coordination/invoker";
import type { Leases } from "@runlet/coordination/lease";
import type { Registry } from "@runlet/coordination/registry";
import type { Wakes } from "@runlet/coordination/wake";
import type { TargetRef } from "@runlet/domain/target";
import type { KubernetesClient } from "@runlet/kubernetes/client";
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { MetricSink } from "@runlet/runtime/metrics";
import type { Random } from "@runlet/runtime/random";
import type { Settings } from "@runlet/runtime/settings";
import type { JobNews } from "@runlet/actions-service/service";

export interface PollerDeps {
  clock: Clock;
  random: Random;
  log: Log;
  metrics: MetricSink;
  settings: Settings;
  leases: Leases;
  checkpoints: Checkpoints;
  registry: Registry;
  wakes: Wakes;
  invoker: Invoker;
  /** Undefined: the scope has no credential. */
  services: { find(configUrl: string): Promise<ActionsService | undefined> };
  /** By the row as it is now. Undefined: no access to a cluster of that name; what it had is closed soon. */
  clusters: { find(name: string): Promise<KubernetesClient | undefined> };
  /** A watch shows a runner set that no registry row names, or names otherwise. */
  noticed(targets: readonly TargetRef[]): Promise<void>;
  /** A hint for people: what happened to which job. */
  timelines?: { note(scaleSetKey: string, news: readonly JobNews[]): Promise<void> };
}

export interface PollerRun {
  shard: string;
  invocationId: string;
  reason: PollerEvent["reason"];
  /** On the monotonic clock: the platform ends the invocation then. */
  deadlineMs: number;
  /** Aborted when the invocation is to stop at once. */
  signal: AbortSignal;
}

export interface PollerResult {
  ended:
    /** A successor was started and took over, or will. */
    | "handed-over"
    /** Sessions closed, lease released as resting. */
    | "rested"
    /** Somebody else serves the shard. */
    | "held"
    /** The lease was lost: somebody else serves the shard now. */
    | "lost"
    /** Stopped by the signal. */
    | "stopped";
  scaleSets: number;
}
