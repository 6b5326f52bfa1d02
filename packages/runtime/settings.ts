// Why: every number that shapes the control plane stands in one typed table, with its unit and reason,
// once for the cloud and once for the demo (which must show in a minute what takes an hour outside).

/** The control plane's numbers; all in milliseconds unless the name says otherwise. */
export interface Settings {
  /** How long a shard's lease lasts from before the write that takes or renews it; ≥ 3 heartbeats. */
  leaseMs: number;
  heartbeatMs: number;
  /** How often a waiter reads the lease row … */
  waiterReadMs: number;
  /** … and how often once the holder has announced its release. */
  announcedReadMs: number;
  /** The longest any call but a poll may take. */
  effectTimeoutMs: number;
  /** A poll's time limit; the service itself holds one for about 50 s. */
  pollTimeoutMs: number;
  /** Before its deadline an invocation stops polling this early and hands over. */
  reserveMs: number;
  /** Most scale sets in a shard. */
  shardSize: number;
  /** A shard that was quiet this long rests; undefined: never. */
  restAfterMs: number | undefined;
  lookEveryMs: number;
  lookPollMs: number;
  sweepEveryMs: number;
  probeEveryMs: number;
  /** The longest one poller invocation may take (Lambda's own limit is 900 s). */
  invocationMs: number;
  /** JobStarted patches may hold up the rest of a turn for this long. */
  jobStartedHoldMs: number;
  /** Calls one invocation has in flight at most to a scope of the service, a cluster or the table, apart from polls. */
  effectsAtOnce: number;
  /** Figures are added up for so long before they are written; CloudWatch's own resolution is a minute. */
  metricsEveryMs: number;
}

export const cloudSettings: Settings = {
  leaseMs: 15_000,
  heartbeatMs: 5_000,
  waiterReadMs: 250,
  announcedReadMs: 10,
  effectTimeoutMs: 10_000,
  pollTimeoutMs: 65_000,
  reserveMs: 15_000,
  shardSize: 200,
  restAfterMs: undefined,
  lookEveryMs: 30 * 60_000,
  lookPollMs: 5_000,
  sweepEveryMs: 60_000,
  probeEveryMs: 10_000,
  invocationMs: 900_000,
  jobStartedHoldMs: 2_000,
  effectsAtOnce: 16,
  metricsEveryMs: 60_000,
};

export const demoSettings: Settings = {
  leaseMs: 2_000,
  heartbeatMs: 600,
  waiterReadMs: 50,
  announcedReadMs: 10,
  effectTimeoutMs: 1_000,
  pollTimeoutMs: 2_500,
  reserveMs: 2_000,
  shardSize: 2,
  restAfterMs: 3_000,
  lookEveryMs: 4_000,
  lookPollMs: 500,
  sweepEveryMs: 2_000,
  probeEveryMs: 1_000,
  invocationMs: 8_000,
  jobStartedHoldMs: 400,
  effectsAtOnce: 16,
  // At once: a poller that is killed takes along what it has not written.
  metricsEveryMs: 0,
};
