// Why: poller and reconciler run with exactly the roles we ship, and a missing rule must show as the 403
// it would be in a real cluster (Kubernetes docs, "Using RBAC Authorization").
import { at, list, record, textAt, type ApiObject } from "./api-object.ts";
import type { User } from "./authentication.ts";
import type { RequestInfo } from "./request-info.ts";

/** What the evaluation reads: the four RBAC kinds. */
export interface RbacObjects {
  clusterRoles(): ApiObject[];
  clusterRoleBindings(): ApiObject[];
  roles(namespace: string): ApiObject[];
  roleBindings(namespace: string): ApiObject[];
}

export interface Rule {
  verbs: string[];
  apiGroups: string[];
  resources: string[];
  resourceNames: string[];
  nonResourceURLs: string[];
}

const strings = (value: unknown) => list(value).filter((item) => typeof item === "string");

export const parseRule = (rule: unknown): Rule => ({
  verbs: strings(at(rule, "verbs")),
  apiGroups: strings(at(rule, "apiGroups")),
  resources: strings(at(rule, "resources")),
  resourceNames: strings(at(rule, "resourceNames")),
  nonResourceURLs: strings(at(rule, "nonResourceURLs")),
});

/** May `user` do this? Members of system:masters may do everything. */
export function isAllowed(objects: RbacObjects, user: User, info: RequestInfo): boolean {
  if (user.groups.includes("system:masters")) return true;
  return rulesFor(objects, user, info.namespace).some((rule) => covers(rule, info));
}

/** Every rule that a binding gives `user`: in the whole cluster and, if one is named, in a namespace. */
export function rulesFor(objects: RbacObjects, user: User, namespace: string): Rule[] {
  const cluster = objects
    .clusterRoleBindings()
    .filter((binding) => binds(binding, user, ""))
    .flatMap((binding) => rulesOf(objects, binding, ""));
  if (namespace === "") return cluster;
  const local = objects
    .roleBindings(namespace)
    .filter((binding) => binds(binding, user, namespace))
    .flatMap((binding) => rulesOf(objects, binding, namespace));
  return [...cluster, ...local];
}

function binds(binding: ApiObject, user: User, namespace: string): boolean {
  return list(binding.subjects).some((subject) => {
    const name = textAt(subject, "name");
    switch (textAt(subject, "kind")) {
      case "User":
        return name === user.name;
      case "Group":
        return user.groups.includes(name);
      case "ServiceAccount": {
        const where = textAt(subject, "namespace") || namespace;
        return user.name === `system:serviceaccount:${where}:${name}`;
      }
      default:
        return false;
    }
  });
}

function rulesOf(objects: RbacObjects, binding: ApiObject, namespace: string): Rule[] {
  const reference = record(binding.roleRef);
  const pool = reference.kind === "ClusterRole" ? objects.clusterRoles() : objects.roles(namespace);
  const role = pool.find((candidate) => candidate.metadata.name === reference.name);
  if (!role) return [];
  return aggregated(objects, role).flatMap((part) => list(part.rules).map(parseRule));
}

/** A ClusterRole with an aggregationRule is the sum of those its selectors find. */
function aggregated(objects: RbacObjects, role: ApiObject): ApiObject[] {
  const selectors = list(at(role, "aggregationRule", "clusterRoleSelectors"));
  if (selectors.length === 0) return [role];
  const found = objects
    .clusterRoles()
    .filter((candidate) =>
      selectors.some((selector) =>
        Object.entries(record(at(selector, "matchLabels"))).every(
          ([key, value]) => candidate.metadata.labels?.[key] === value,
        ),
      ),
    );
  return [role, ...found];
}

/** Does one rule allow this request? */
export function covers(rule: Rule, info: RequestInfo): boolean {
  const has = (values: string[], value: string) => values.includes("*") || values.includes(value);
  if (!has(rule.verbs, info.verb)) return false;
  if (info.path !== undefined)
    return rule.nonResourceURLs.some((url) => urlMatches(url, info.path));
  if (!has(rule.apiGroups, info.group)) return false;
  const { plural, subresource } = info;
  const resource = subresource === "" ? plural : `${plural}/${subresource}`;
  const named = rule.resources.some(
    (wanted) =>
      wanted === "*" ||
      wanted === resource ||
      (subresource !== "" && wanted === `*/${subresource}`),
  );
  if (!named) return false;
  return rule.resourceNames.length === 0 || rule.resourceNames.includes(info.name);
}

function urlMatches(pattern: string, path = ""): boolean {
  return pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : pattern === path;
}

/** The sentence of the refusal. */
export function refusal(user: User, info: RequestInfo): string {
  const who = `User ${JSON.stringify(user.name)} cannot`;
  if (info.path !== undefined) return `${who} ${info.verb} path ${JSON.stringify(info.path)}`;
  const resource = info.subresource === "" ? info.plural : `${info.plural}/${info.subresource}`;
  const what = `${info.verb} resource "${resource}" in API group "${info.group}"`;
  const where =
    info.namespace === "" ? "at the cluster scope" : `in the namespace "${info.namespace}"`;
  return `${who} ${what} ${where}`;
}
