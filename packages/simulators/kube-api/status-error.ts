// Why: every refusal of a Kubernetes API is a Status object with code, reason, message and details, and
// clients decide by them (k8s.io/apimachinery, pkg/api/errors).
import type { JsonObject } from "./api-object.ts";
import { stringifyJson } from "./json.ts";

export interface Cause {
  reason: string;
  message: string;
  field: string;
}

/** A refusal, thrown by handlers and answered as a Status. */
export class StatusError extends Error {
  override name = "StatusError";
  readonly code: number;
  readonly reason: string | undefined;
  readonly details: JsonObject | undefined;
  constructor(code: number, reason: string | undefined, message: string, details?: JsonObject) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
  body(): JsonObject {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      ...(this.reason === undefined ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** What a refusal is about. */
export interface About {
  group: string;
  plural: string;
  kind: string;
  name: string;
}

const dotted = (first: string, group: string) => (group === "" ? first : `${first}.${group}`);

function details(about: About, kind: string, more: JsonObject = {}): JsonObject {
  return {
    ...(about.name === "" ? {} : { name: about.name }),
    ...(about.group === "" ? {} : { group: about.group }),
    kind,
    ...more,
  };
}

export const badRequest = (message: string) => new StatusError(400, "BadRequest", message);

export const unauthorized = () => new StatusError(401, "Unauthorized", "Unauthorized");

export const noSuchPath = () =>
  new StatusError(404, "NotFound", "the server could not find the requested resource", {});

export const notFound = (about: About) =>
  new StatusError(
    404,
    "NotFound",
    `${dotted(about.plural, about.group)} "${about.name}" not found`,
    details(about, about.plural),
  );

export const alreadyExists = (about: About) =>
  new StatusError(
    409,
    "AlreadyExists",
    `${dotted(about.plural, about.group)} "${about.name}" already exists`,
    details(about, about.plural),
  );

export const conflict = (about: About, why: string, kind = about.plural) =>
  new StatusError(
    409,
    "Conflict",
    `Operation cannot be fulfilled on ${dotted(kind, about.group)} "${about.name}": ${why}`,
    details(about, kind),
  );

export const modified = (about: About) =>
  conflict(
    about,
    "the object has been modified; please apply your changes to the latest version and try again",
  );

export const forbidden = (about: About, why: string, causes?: Cause[]) =>
  new StatusError(
    403,
    "Forbidden",
    about.name === ""
      ? `${dotted(about.plural, about.group)} is forbidden: ${why}`
      : `${dotted(about.plural, about.group)} "${about.name}" is forbidden: ${why}`,
    details(about, about.plural, causes ? { causes } : {}),
  );

export function invalid(about: About, causes: Cause[], kind = about.kind) {
  const lines = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const why = lines.length === 1 ? (lines[0] ?? "") : `[${lines.join(", ")}]`;
  const what = `${dotted(kind, about.group)} "${about.name}"`;
  const more = { causes };
  return new StatusError(422, "Invalid", `${what} is invalid: ${why}`, details(about, kind, more));
}

/** What a JSON patch gets that cannot be applied, a failing `test` included. */
export const patchRejected = () =>
  new StatusError(
    422,
    "Invalid",
    "the server rejected our request due to an error in our request",
    {},
  );

export const unsupportedMediaType = (accepted: string[]) =>
  new StatusError(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  );

export const expired = (message: string) => new StatusError(410, "Expired", message);

export const required = (field: string, more = ""): Cause => ({
  reason: "FieldValueRequired",
  message: more === "" ? "Required value" : `Required value: ${more}`,
  field,
});

export const badValue = (field: string, value: unknown, why: string): Cause => ({
  reason: "FieldValueInvalid",
  message: `Invalid value: ${stringifyJson(value)}: ${why}`,
  field,
});
