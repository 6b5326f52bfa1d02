// Why: every answer of the service has the same outside: ActivityId, request id, content type with
// the API version, and exceptions by .NET type name (actions/scaleset errors.go). Clients match on
// parts of that name.
import { writeJson } from "./json.ts";

export const jsonType = "application/json; charset=utf-8; api-version=6.0-preview";

const runtime = "GitHub.Actions.Runtime.WebApi";
const distributedTask = "GitHub.DistributedTask.WebApi";

/** Type names by the short name used in this folder. */
const typeNames = {
  InvalidToken: `GitHub.Services.WebApi.InvalidTokenException, GitHub.Services.WebApi`,
  BadRequest: `System.ArgumentException, mscorlib`,
  ScaleSetNotFound: `${runtime}.RunnerScaleSetNotFoundException, ${runtime}`,
  ScaleSetExists: `${runtime}.RunnerScaleSetExistsException, ${runtime}`,
  SessionConflict: `${runtime}.RunnerScaleSetSessionConflictException, ${runtime}`,
  SessionExpired: `${runtime}.RunnerScaleSetSessionExpiredException, ${runtime}`,
  RunnerAdmin: `${runtime}.RunnerAdminException, ${runtime}`,
  AgentExists: `${distributedTask}.TaskAgentExistsException, ${distributedTask}`,
  AgentNotFound: `${distributedTask}.TaskAgentNotFoundException, ${distributedTask}`,
  JobStillRunning: `${distributedTask}.TaskAgentJobStillRunningException, ${distributedTask}`,
  RateLimited: `GitHub.Services.WebApi.RequestBlockedException, GitHub.Services.WebApi`,
} as const;

export type ExceptionName = keyof typeof typeNames;

export function answerJson(status: number, value: unknown): Response {
  return new Response(writeJson(value), { status, headers: { "content-type": jsonType } });
}

/** The envelope of every list. */
export function answerList(value: readonly unknown[]): Response {
  return answerJson(200, { count: value.length, value });
}

export function answerNothing(status: 202 | 204): Response {
  // A 202 says that it is empty; a 204 must not.
  const headers = status === 202 ? { "content-length": "0" } : {};
  return new Response(null, { status, headers });
}

export function answerException(status: number, name: ExceptionName, message: string): Response {
  return answerJson(status, {
    $id: "1",
    innerException: null,
    message,
    typeName: typeNames[name],
    typeKey: typeNames[name].split(",")[0]?.split(".").at(-1),
    errorCode: 0,
    eventId: 3000,
  });
}

/** An error of the REST API (not of the Actions Service). */
export function answerRestError(status: number, message: string): Response {
  const body = { message, documentation_url: "https://docs.github.com/rest", status: `${status}` };
  return Response.json(body, { status });
}

/** A route that the front end does not know. */
export function answerRouteAbsent(): Response {
  return new Response("404 page not found", {
    status: 404,
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}
