// Why: the outcome tables speak of arrivals, the wire of statuses, headers and bodies. This is the one
// place that turns the one into the other.
import { exceptionArrival, parseServiceError } from "./errors.ts";
import { bodyMaxBytes, type Exchanged } from "./exchange.ts";
import { parseJson } from "./json.ts";
import { type Arrival, type Call, findRow } from "./outcomes.ts";
import { Unreadable } from "./wire.ts";

export interface Judged<T> {
  arrival: Arrival;
  /** What came, in words. */
  came: string;
  typeName?: string | undefined;
  /** The decoded body; only of an "expected" answer that gives one. */
  value: () => T;
}

interface Expected<T> {
  call: Call;
  accepts: 200 | 201 | 204 | "2xx";
  decode: (json: unknown) => T;
}

export function judge<T>(plan: Expected<T>, exchanged: Exchanged): Judged<T> {
  if (exchanged.came !== "answer") return judged(exchanged.came, exchanged.why);
  const { status, headers, text, complete } = exchanged;
  const success = plan.accepts === "2xx" ? status >= 200 && status < 300 : status === plan.accepts;
  if (success) return judgeSuccess(plan, status, text, complete);
  const error = parseServiceError(text);
  const words = [error.typeName?.split(",", 1)[0], error.message].filter(Boolean).join(": ");
  return judged(
    exceptionArrival(error) ?? nameStatus(status, headers),
    `status ${status}: ${words || "empty body"}`,
    error.typeName,
  );
}

function judgeSuccess<T>(
  plan: Expected<T>,
  status: number,
  text: string,
  complete: boolean,
): Judged<T> {
  const row = findRow(plan.call, "expected");
  if (!("gives" in row) || row.gives !== "body") return judged("expected", `status ${status}`);
  if (!complete) return judged("unreadable", `a body of more than ${bodyMaxBytes} bytes`);
  if (text.trim() === "") return judged("empty", `status ${status} with an empty body`);
  try {
    const json = parseJson(text);
    if (json === null) return judged("empty", `status ${status} with null`);
    const value = plan.decode(json);
    return { arrival: "expected", came: `status ${status}`, value: () => value };
  } catch (error) {
    // A SyntaxError quotes the body, which may hold a token: it is not shown.
    if (error instanceof SyntaxError) return judged("unreadable", "a body that is no JSON");
    if (error instanceof Unreadable)
      return judged("unreadable", `a body without use: ${error.message}`);
    throw error;
  }
}

function judged<T>(arrival: Arrival, came: string, typeName?: string): Judged<T> {
  const value = () => {
    throw new Error(`${arrival} has no body`);
  };
  return { arrival, came, typeName, value };
}

const statuses = new Map<number, Arrival>([
  [202, "accepted-202"],
  [204, "no-content-204"],
  [400, "bad-request-400"],
  [401, "unauthorized-401"],
  [403, "forbidden-403"],
  [404, "not-found-404"],
  [409, "conflict-409"],
  [429, "limited"],
  [501, "not-implemented-501"],
  [503, "unavailable-503"],
]);

function nameStatus(status: number, headers: Headers): Arrival {
  // GitHub's REST API says "limited" with 403 (docs.github.com, rate limits for the REST API).
  const limited = headers.has("retry-after") || headers.get("x-ratelimit-remaining") === "0";
  if (status === 403 && limited) return "limited";
  const named = statuses.get(status);
  if (named) return named;
  if (status >= 500) return "other-5xx";
  if (status >= 400) return "other-4xx";
  return status >= 300 ? "redirect" : "other-2xx";
}
