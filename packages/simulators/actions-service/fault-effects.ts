// Why: how a fault shows on the wire. The answers spoiled here were all seen from the live service,
// or break a client that trusts it (actions-runner-controller issues 4285 and 4470).
import type { Clock } from "@runlet/runtime/clock";
import type { AnswerChange, Fault } from "./faults.ts";
import { asFields } from "./json.ts";

/**
 * Thrown where a connection is to break; the server's front ends turn it into a broken connection.
 */
export class ConnectionDropped extends Error {
  override name = "ConnectionDropped";
}

/** Does the deed as the fault has it. */
export async function withFault(
  clock: Clock,
  fault: Fault | undefined,
  signal: AbortSignal | undefined,
  deed: () => Promise<Response>,
): Promise<Response> {
  if (!fault) return deed();
  if (fault.delayMs !== undefined) await clock.sleep(fault.delayMs, signal);
  if (fault.hang) return untilAborted(signal);
  if (fault.drop === "before") throw new ConnectionDropped("before the deed");
  if (fault.status !== undefined && !fault.afterCommit) return faultyAnswer(fault, fault.status);
  const answer = await deed();
  if (fault.drop === "after") throw new ConnectionDropped("after the deed");
  if (fault.status !== undefined) return faultyAnswer(fault, fault.status);
  return fault.answer === undefined ? answer : spoil(answer, fault.answer);
}

function faultyAnswer(fault: Fault, status: number): Response {
  const headers: Record<string, string> = {
    "content-type": fault.contentType ?? "application/json; charset=utf-8",
  };
  if (fault.retryAfter !== undefined) headers["retry-after"] = fault.retryAfter;
  const empty = status === 204 || status === 304;
  return new Response(empty ? null : (fault.body ?? ""), { status, headers });
}

function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = () => reject(new ConnectionDropped("the caller gave up"));
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
  });
}

async function spoil(answer: Response, change: AnswerChange): Promise<Response> {
  const text = await answer.text();
  const { status, headers } = answer;
  if (status === 202 || status === 204) return new Response(null, { status, headers });
  return new Response(spoilText(text, change), { status, headers });
}

function spoilText(text: string, change: AnswerChange): string {
  switch (change) {
    case "empty-body":
      return "";
    case "bom":
      return `\uFEFF${text}`;
    case "broken-json":
      return text.slice(0, Math.floor(text.length / 2));
    case "count-too-high":
      return text.replace(/"count":(\d+)/, (_all, count: string) => `"count":${Number(count) + 1}`);
    case "null-value":
      return text.replace(/"value":\[.*\]/, `"value":null`);
    case "null-statistics":
      return edit(text, (fields) => ({ ...fields, statistics: null }));
    case "no-statistics":
      return edit(text, ({ statistics: _left, ...fields }) => fields);
    case "empty-queue-url":
      return edit(text, (fields) => ({ ...fields, messageQueueUrl: "" }));
    case "empty-queue-token":
      return edit(text, (fields) => ({ ...fields, messageQueueAccessToken: "" }));
    case "unknown-outer-type":
      return edit(text, (fields) => ({ ...fields, messageType: "RunnerScaleSetRefreshMessages" }));
    case "unknown-inner-type":
      return editBody(text, `{"messageType":"JobRescheduled","runnerRequestId":1}`);
    case "undecodable-entry":
      return editBody(text, `{"messageType":"JobStarted","runnerRequestId":[],"jobId":7}`);
    case "huge":
      return editBody(text, `{"messageType":"Padding","text":"${"x".repeat(10_000_000)}"}`);
  }
}

// The answers edited here hold no number beyond 2^53 outside of the body, which is a string to
// JSON.
function edit(
  text: string,
  change: (fields: Record<string, unknown>) => Record<string, unknown>,
): string {
  return JSON.stringify(change(asFields(JSON.parse(text))));
}

/** A message's body is a string that holds a JSON array: one more entry at its front. */
function editBody(text: string, entry: string): string {
  return edit(text, (fields) => {
    const body = typeof fields["body"] === "string" ? fields["body"] : "[]";
    return { ...fields, body: body.replace(/^\[/, body === "[]" ? `[${entry}` : `[${entry},`) };
  });
}
