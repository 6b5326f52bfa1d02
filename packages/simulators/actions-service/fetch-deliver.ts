// Why: webhooks leave through the same Fetch as everything else, with GitHub's time limit of ten
// seconds.
import type { Clock } from "@runlet/runtime/clock";
import { withDeadline } from "@runlet/runtime/deadline";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Deliver } from "./webhooks.ts";

const limitMs = 10_000;

export function createFetchDeliver({ fetch, clock }: { fetch: Fetch; clock: Clock }): Deliver {
  return (url, headers, body) =>
    withDeadline(clock, limitMs, undefined, async (signal) => {
      const response = await fetch(url, { method: "POST", headers, body, signal });
      await response.text();
      return response.status;
    });
}
