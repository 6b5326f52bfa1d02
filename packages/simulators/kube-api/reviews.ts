// Why: clients ask who they are and what they may do: `kubectl auth whoami`, `kubectl auth can-i`, and our
// own probe at `cluster add`.
import { at, record, textAt, type JsonObject } from "./api-object.ts";
import { serviceAccountUser, type Authentication, type User } from "./authentication.ts";
import { timestamp } from "./object-meta.ts";
import { isAllowed, refusal, type RbacObjects } from "./rbac.ts";
import type { RequestInfo } from "./request-info.ts";
import { badRequest } from "./status-error.ts";
import type { Place } from "./writes.ts";

/** SelfSubjectAccessReview: may I do this? */
export function reviewAccess(rbac: RbacObjects, user: User, body: unknown): JsonObject {
  const spec = record(at(body, "spec"));
  const info = askedFor(spec);
  const allowed = isAllowed(rbac, user, info);
  const reason = allowed ? {} : { reason: refusal(user, info) };
  return {
    kind: "SelfSubjectAccessReview",
    apiVersion: "authorization.k8s.io/v1",
    metadata: {},
    spec,
    status: { allowed, ...reason },
  };
}

function askedFor(spec: JsonObject): RequestInfo {
  const resource = at(spec, "resourceAttributes");
  const other = at(spec, "nonResourceAttributes");
  const empty = { group: "", version: "", plural: "", subresource: "", namespace: "", name: "" };
  if (other) return { ...empty, verb: textAt(other, "verb"), path: textAt(other, "path") };
  if (!resource) throw badRequest("exactly one of nonResourceAttributes or resourceAttributes");
  return {
    verb: textAt(resource, "verb"),
    group: textAt(resource, "group"),
    version: textAt(resource, "version"),
    plural: textAt(resource, "resource"),
    subresource: textAt(resource, "subresource"),
    namespace: textAt(resource, "namespace"),
    name: textAt(resource, "name"),
  };
}

/** SelfSubjectReview: who am I? */
export const reviewSelf = (user: User): JsonObject => ({
  kind: "SelfSubjectReview",
  apiVersion: "authentication.k8s.io/v1",
  metadata: {},
  status: { userInfo: { username: user.name, groups: user.groups } },
});

/** `POST …/serviceaccounts/NAME/token`. */
export function requestToken(
  authentication: Authentication,
  place: Place,
  body: unknown,
): JsonObject {
  const asked = at(body, "spec", "expirationSeconds");
  const expirationSeconds = typeof asked === "number" ? asked : 3600;
  if (expirationSeconds < 600) throw badRequest("may not specify a duration less than 10 minutes");
  const account = { namespace: place.namespace, name: place.name };
  const { token, expiresAt } = authentication.issue(account, expirationSeconds * 1000);
  return {
    kind: "TokenRequest",
    apiVersion: "authentication.k8s.io/v1",
    metadata: account,
    spec: { audiences: ["https://kubernetes.default.svc"], expirationSeconds },
    status: { token, expirationTimestamp: timestamp(expiresAt) },
  };
}

export { serviceAccountUser };
