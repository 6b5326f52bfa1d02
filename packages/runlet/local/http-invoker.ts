// Why: a poller starts its successor, a webhook or a sweep wakes a shard: by an asynchronous call of the Invoke
// API, which on one machine is the function host's (serve-host.ts).
import type { Invoker } from "@runlet/coordination/invoker";
import type { Fetch } from "@runlet/runtime/fetch";

/** Invokes the function `poller` through the Invoke API at `url`. Rejects unless it was accepted (202). */
export function createHttpInvoker(deps: { fetch: Fetch; url: string }): Invoker {
  return {
    async invoke(event) {
      const answer = await deps.fetch(`${deps.url}/2015-03-31/functions/poller/invocations`, {
        method: "POST",
        headers: { "x-amz-invocation-type": "Event" },
        body: JSON.stringify(event),
      });
      await answer.text();
      if (answer.status !== 202) {
        throw new Error(`invoking a poller for ${event.shard} was answered ${answer.status}`);
      }
    },
  };
}
