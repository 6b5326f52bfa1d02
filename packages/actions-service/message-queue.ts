// Why: the queue has an address and a token of its own, and its own manners: the API version is in
// Accept, the capacity in a header, and a message goes away only when it is deleted
// (actions/scaleset session_client.go).
import { int32Max } from "@runlet/domain/target";
import { type CallDeps, type Prepared, runCall } from "./call.ts";
import { readMessage } from "./message.ts";
import { apiVersion, messageUrl, pollUrl, shownUrl } from "./request.ts";
import type { ActionsService, Message } from "./service.ts";

export interface QueueDeps extends CallDeps {
  userAgent: string;
  /** Time limit of a poll that names none: longer than the service's hold of about 50 s. */
  pollLimitMs: number;
}

type Queue = Pick<ActionsService, "poll" | "acknowledge">;

export function createQueue(deps: QueueDeps): Queue {
  const ready = (request: Omit<Prepared, "secrets">, token: string) => () => {
    const headers = {
      ...request.headers,
      Authorization: `Bearer ${token}`,
      "User-Agent": deps.userAgent,
    };
    const value: Prepared = { ...request, headers, secrets: [token] };
    return Promise.resolve({ ok: true as const, value });
  };
  return {
    poll({ queueUrl, queueToken }, { lastMessageId, maxCapacity }, options) {
      const headers = {
        Accept: `application/json; api-version=${apiVersion}`,
        "X-ScaleSetMaxCapacity": String(checkCapacity(maxCapacity)),
      };
      const url = pollUrl(queueUrl, lastMessageId);
      const on = shownUrl(queueUrl);
      return runCall<"poll", Message | undefined, Prepared>(
        deps,
        {
          call: "poll",
          on,
          accepts: 200,
          prepare: ready({ method: "GET", url, headers }, queueToken),
          decode: (json) =>
            readMessage(json, (skipped) => {
              deps.log.warn("message_entry_skipped", { queue: on, ...skipped });
            }),
          words: { nothing: undefined },
        },
        { limitMs: deps.pollLimitMs, ...options },
      );
    },
    acknowledge({ queueUrl, queueToken }, messageId, options) {
      const headers = { "Content-Type": "application/json" };
      const url = messageUrl(queueUrl, messageId);
      return runCall<"acknowledge", "deleted" | "absent", Prepared>(
        deps,
        {
          call: "acknowledge",
          on: `message ${messageId}`,
          accepts: 204,
          prepare: ready({ method: "DELETE", url, headers }, queueToken),
          decode: () => "deleted",
          words: { done: "deleted", absent: "absent" },
        },
        options,
      );
    },
  };
}

/** A total, not what is left; 0 is a number too, and is sent. */
function checkCapacity(maxCapacity: number): number {
  if (!Number.isInteger(maxCapacity) || maxCapacity < 0) {
    throw new RangeError(`maxCapacity must be a whole number ≥ 0, not ${maxCapacity}`);
  }
  return Math.min(maxCapacity, int32Max);
}
