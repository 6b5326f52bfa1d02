// Why: a poller starts its successor, a webhook or a sweep wakes a shard: by an asynchronous call of Lambda's Invoke
// API (AWS, "Invoke"), in the cloud with a signed fetch, on one machine to the function host.
import type { Clock } from "@runlet/runtime/clock";
import { withDeadline } from "@runlet/runtime/deadline";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Invoker } from "./invoker.ts";

export interface LambdaInvokerDeps {
  fetch: Fetch;
  clock: Clock;
  /** Of the Invoke API: https://lambda.REGION.amazonaws.com, or the function host's. */
  url: string;
  /** The poller's name or ARN. */
  functionName: string;
  /** Time limit of a call; default 5 s. */
  limitMs?: number;
}

/** Starts pollers. Rejects unless an invocation was accepted (202). */
export function createLambdaInvoker(deps: LambdaInvokerDeps): Invoker {
  const name = encodeURIComponent(deps.functionName);
  const url = `${deps.url}/2015-03-31/functions/${name}/invocations`;
  return {
    invoke: (event) =>
      withDeadline(deps.clock, deps.limitMs ?? 5_000, undefined, async (signal) => {
        const headers = { "x-amz-invocation-type": "Event" };
        const body = JSON.stringify(event);
        const answer = await deps.fetch(url, { method: "POST", headers, body, signal });
        const text = await answer.text();
        if (answer.status === 202) return;
        // e.g. TooManyRequestsException: that no concurrency is left must be seen (F38).
        const said = /"[Mm]essage"\s*:\s*"([^"]{1,200})/.exec(text)?.[1] ?? "no reason";
        const type = answer.headers.get("x-amzn-errortype")?.split(":")[0] ?? answer.status;
        throw new Error(`invoking a poller for ${event.shard} was refused: ${type}: ${said}`);
      }),
  };
}
