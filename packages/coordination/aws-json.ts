// Why: DynamoDB, KMS and Secrets Manager speak one small protocol (Smithy, "AWS JSON 1.0/1.1"): POST with the
// operation in a header, JSON both ways. One call of it is all that their adapters need.
import type { Clock } from "@runlet/runtime/clock";
import { withDeadline } from "@runlet/runtime/deadline";
import type { Fetch } from "@runlet/runtime/fetch";
import * as z from "zod/mini";

export interface AwsJsonDeps {
  /** Signs for the service (runtime/aws-fetch.ts). */
  fetch: Fetch;
  clock: Clock;
  /** Time limit of one call; default 3 s. */
  limitMs?: number;
}

export interface AwsService {
  /** e.g. https://dynamodb.eu-central-1.amazonaws.com */
  url: string;
  /** What stands before the operation's name in x-amz-target. */
  target: string;
  json: "1.0" | "1.1";
}

/** Makes one call of the operation; the answer's JSON. Throws AwsError for an answer that is not 200. */
export type AwsCall = (operation: string, input: object) => Promise<unknown>;

/** The service's own no. Everything else that is thrown means: no answer, it may have happened. */
export class AwsError extends Error {
  override name = "AwsError";
  readonly status: number;
  /** e.g. AccessDeniedException. */
  readonly code: string;
  /** The answer, for those that carry more than a message. */
  readonly answer: unknown;
  constructor(operation: string, status: number, answer: unknown) {
    const { __type = "", message = "", Message = "" } = errorShape.safeParse(answer).data ?? {};
    const code = __type.split("#").at(-1) || `HTTP ${status}`;
    super(`${operation}: ${code}${message || Message ? `: ${message || Message}` : ""}`);
    this.status = status;
    this.code = code;
    this.answer = answer;
  }
  /** Refused before it did anything, because there were too many. */
  get throttled(): boolean {
    return throttles.has(this.code) || this.status === 429;
  }
}

// DynamoDB writes `message` or `Message`, and `__type` with or without its namespace.
const text = z.exactOptional(z.string());
const errorShape = z.object({ __type: text, message: text, Message: text });

// AWS SDKs and Tools Reference, "Retry behavior": what counts as throttling.
const throttles = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "Throttling",
  "ThrottlingException",
  "TooManyRequestsException",
]);

/** Calls of one service. No retry is hidden here: who calls knows whether twice is safe. */
export function createAwsCall(deps: AwsJsonDeps, service: AwsService): AwsCall {
  return (operation, input) =>
    withDeadline(deps.clock, deps.limitMs ?? 3_000, undefined, async (signal) => {
      const response = await deps.fetch(`${service.url}/`, {
        method: "POST",
        headers: {
          "content-type": `application/x-amz-json-${service.json}`,
          "x-amz-target": `${service.target}.${operation}`,
        },
        body: JSON.stringify(input),
        signal,
      });
      const answer = parseJson(await response.text());
      if (response.status !== 200) throw new AwsError(operation, response.status, answer);
      if (answer === undefined) throw new Error(`${operation}: the answer is no JSON`);
      return answer;
    });
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}
