// Why: a world's functions can be invoked, woken by a webhook, killed and frozen, whether they are promises in this
// thread or processes in the function host.
import type { PollerEvent } from "@runlet/coordination/invoker";

/** One poller invocation that is under way. */
export interface RunningPoller {
  shard: string;
  /** A process id, or the invocation's id. */
  name: string;
  kill(): void;
  /** Nothing of it runs for so long; then it goes on as if nothing had happened. */
  freeze(forMs: number): void;
}

export interface Functions {
  invoke(event: PollerEvent): Promise<void>;
  /** Hands a webhook to the webhook function; resolves to the HTTP status. */
  deliver(headers: Record<string, string>, body: string): Promise<number>;
  /** One sweep at once; then one each `sweepEveryMs`. */
  startSweeping(): void;
  running(): RunningPoller[];
  stop(): Promise<void>;
}
