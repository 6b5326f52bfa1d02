// Why: whoever sees work wakes a shard; how an invocation is started is the deployment's business.

/** Starts a poller for a shard. A hint: it may be lost, doubled or late. Resolves when it is handed over. */
export interface Invoker {
  /** `flagged` callers use coordination/wake.ts, which writes the flag first; this only invokes. */
  invoke(event: PollerEvent): Promise<void>;
}

/** What a poller invocation is given. The state is in the table, never in the event. */
export interface PollerEvent {
  shard: string;
  /** Why, for the log: webhook, sweep, look, successor, failure, flag. */
  reason: "webhook" | "sweep" | "look" | "successor" | "failure" | "flag";
  /** So many pollers in a row have failed before this one; absent: none. */
  failures?: number;
}
