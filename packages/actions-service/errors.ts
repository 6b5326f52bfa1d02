// Why: GitHub's support asks for the activity id and the request id, and an operator for what was tried
// on what; all of it is kept as fields. The service names exceptions in `typeName` (actions/scaleset
// errors.go); the name counts whatever the status, since the statuses have changed before.
import { redactText } from "@runlet/runtime/log";
import * as z from "zod";
import { parseJson } from "./json.ts";
import type { Arrival } from "./outcomes.ts";
import type { Failure, FailureReason } from "./service.ts";

/** `Retry-After` is believed up to here; a broken or hostile value must not stop a client for a day. */
export const retryAfterMaxMs = 300_000;

/** What the body of a refusal says. */
export interface ServiceError {
  typeName: string | undefined;
  message: string;
}

const shape = z.object({ typeName: z.string().optional(), message: z.string().optional() });

/** Matched as parts of `typeName`, in this order: namespaces and assemblies around them differ. */
const exceptions: readonly [string, Arrival][] = [
  ["AgentExistsException", "runner-exists"],
  ["AgentNotFoundException", "runner-unknown"],
  ["JobStillRunningException", "job-running"],
  ["RunnerScaleSetSessionConflictException", "session-conflict"],
  ["RunnerScaleSetSessionExpiredException", "session-expired"],
  ["RunnerScaleSetNotFoundException", "scale-set-unknown"],
  ["RunnerScaleSetExistsException", "scale-set-exists"],
  ["RunnerAdminException", "session-unknown"],
];

export function parseServiceError(text: string): ServiceError {
  try {
    const { typeName, message } = shape.parse(parseJson(text));
    return { typeName, message: message ?? "" };
  } catch {
    // Plain text, a proxy's page, half a body: shown as it is.
    return { typeName: undefined, message: text.trim() };
  }
}

export function exceptionArrival(error: ServiceError): Arrival | undefined {
  const { typeName } = error;
  if (typeName === undefined) return undefined;
  return exceptions.find(([part]) => typeName.includes(part))?.[1];
}

export interface FailureFacts {
  reason: FailureReason;
  /** What was attempted, on what. */
  attempted: string;
  /** What came of it, in words. */
  came: string;
  status?: number;
  typeName?: string | undefined;
  headers?: Headers;
  retryAfterMs?: number | undefined;
  /** Values that must not appear in the message, besides what looks like a secret. */
  secrets?: readonly string[];
}

export function createFailure(facts: FailureFacts): Failure {
  // Hidden before it is cut: half a secret would no longer be recognised.
  const came = hide(facts.came.slice(0, 20_000), facts.secrets ?? []).replace(/\s+/g, " ");
  const activityId = facts.headers?.get("activityid");
  const requestId = facts.headers?.get("x-github-request-id");
  return {
    reason: facts.reason,
    message: `${redactText(facts.attempted)}: ${came.slice(0, 300) || "no explanation"}`,
    ...(facts.status === undefined ? {} : { status: facts.status }),
    ...(facts.typeName === undefined ? {} : { typeName: facts.typeName }),
    ...(activityId ? { activityId } : {}),
    ...(requestId ? { requestId } : {}),
    ...(facts.retryAfterMs === undefined ? {} : { retryAfterMs: facts.retryAfterMs }),
  };
}

function hide(text: string, secrets: readonly string[]): string {
  const plain = secrets
    .filter((secret) => secret.length >= 4)
    .reduce((out, secret) => out.replaceAll(secret, "***"), text);
  return redactText(plain);
}

/** Retry-After (seconds or a date) or a rate limit's reset, as a wait; capped. `nowMs`: server time. */
export function readRetryAfter(headers: Headers, nowMs: number): number | undefined {
  const capped = (ms: number) => Math.min(Math.max(0, ms), retryAfterMaxMs);
  const value = headers.get("retry-after")?.trim();
  if (value && /^\d+$/.test(value)) return capped(Number(value) * 1000);
  // A date has a month's name in it; Date.parse alone takes "-5" for one.
  const date = value && /[a-z]{3}/i.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isFinite(date)) return capped(date - nowMs);
  if (headers.get("x-ratelimit-remaining") !== "0") return undefined;
  const reset = Number(headers.get("x-ratelimit-reset") ?? Number.NaN);
  return Number.isFinite(reset) ? capped(reset * 1000 - nowMs) : undefined;
}
