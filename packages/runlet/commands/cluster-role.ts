// Why: what the control plane may do in a cluster is one file; what is granted, what is checked and what the tests hold
// poller and sweep to are made from it.
import { readFileSync } from "node:fs";
import type { Right } from "@runlet/kubernetes/review-access";
import { parse, stringify } from "yaml";
import * as z from "zod";

const role = z.object({
  metadata: z.object({ name: z.string() }),
  rules: z.array(
    z.object({
      apiGroups: z.array(z.string()),
      resources: z.array(z.string()),
      verbs: z.array(z.string()),
    }),
  ),
});

const file = new URL("../../control-plane/roles.yaml", import.meta.url);
const rbac = "rbac.authorization.k8s.io";

/** Kinds without a namespace: a grant for single namespaces has no such rule. */
const clusterWide = new Set(["namespaces"]);

function readRules(namespaces: readonly string[] | undefined) {
  const { metadata, rules } = role.parse(parse(readFileSync(file, "utf8")));
  const wanted = (resource: string) => namespaces === undefined || !clusterWide.has(resource);
  return {
    name: metadata.name,
    rules: rules.filter(({ resources }) => resources.every(wanted)),
  };
}

/** Every right of the role, in the whole cluster or in each of `namespaces`. */
export function listRights(namespaces: readonly string[] | undefined): Right[] {
  const places = namespaces?.map((namespace) => ({ namespace })) ?? [{}];
  return readRules(namespaces).rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb) => places.map((place) => ({ verb, group, resource, ...place }))),
      ),
    ),
  );
}

/** Who is granted the role: a service account, which is made, or a group, as an access entry of EKS gives it. */
export type Subject =
  | { kind: "account"; namespace: string; name: string }
  | { kind: "group"; name: string };

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  /** Of a binding. */
  subjects?: { kind: string; apiGroup?: string; namespace?: string; name: string }[];
  [field: string]: unknown;
}

/** The objects that grant the role to `subject`, and nothing else. */
export function grantManifests(subject: Subject, namespaces: readonly string[] | undefined) {
  const { name, rules } = readRules(namespaces);
  const subjects = [
    subject.kind === "group"
      ? { kind: "Group", apiGroup: rbac, name: subject.name }
      : { kind: "ServiceAccount", namespace: subject.namespace, name: subject.name },
  ];
  const grant = (role: string, place: { namespace?: string }): Manifest[] => [
    { apiVersion: `${rbac}/v1`, kind: role, metadata: { name, ...place }, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: `${role}Binding`,
      metadata: { name, ...place },
      roleRef: { apiGroup: rbac, kind: role, name },
      subjects,
    },
  ];
  const grants = namespaces?.flatMap((namespace) => grant("Role", { namespace }));
  return [...accountManifests(subject), ...(grants ?? grant("ClusterRole", {}))];
}

function accountManifests(subject: Subject): Manifest[] {
  if (subject.kind === "group") return [];
  const { namespace, name } = subject;
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } },
  ];
}

/** As kubectl takes it. */
export function renderManifests(manifests: readonly object[]): string {
  return manifests.map((manifest) => stringify(manifest)).join("---\n");
}
