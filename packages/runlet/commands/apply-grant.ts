// Why: two deployments may serve one cluster, each with an account of its own, and the role is the same. Whoever grants gives
// the role its rules and adds its subject; whom somebody else has bound stays bound.
import {
  KubernetesError,
  type KubernetesClient,
  type KubernetesObject,
  type Resource,
} from "@runlet/kubernetes/client";
import type { Manifest } from "./cluster-role.ts";

const plurals: Record<string, [plural: string, namespaced: boolean]> = {
  Namespace: ["namespaces", false],
  ServiceAccount: ["serviceaccounts", true],
  Role: ["roles", true],
  RoleBinding: ["rolebindings", true],
  ClusterRole: ["clusterroles", false],
  ClusterRoleBinding: ["clusterrolebindings", false],
};

/** Others may write the object meanwhile: then it is read again. */
const triesMax = 5;

/** Creates the object of a grant, or brings one that is there up to date. Throws what the API server refuses. */
export async function applyGrant(
  client: KubernetesClient,
  manifest: Manifest,
): Promise<"created" | "updated" | "is there"> {
  const resource = resourceOf(manifest);
  for (let left = triesMax; ; left--) {
    try {
      return await tryApply(client, resource, manifest);
    } catch (error) {
      const raced = error instanceof KubernetesError && races.has(error.reason);
      if (!raced || left === 1) throw error;
    }
  }
}

const races = new Set(["AlreadyExists", "Conflict", "NotFound"]);

async function tryApply(client: KubernetesClient, resource: Resource, manifest: Manifest) {
  const { apiVersion: _version, kind: _kind, metadata, ...fields } = manifest;
  const there = await client.find<Bound>(resource, metadata);
  if (!there) {
    await client.create<KubernetesObject>(resource, manifest);
    return "created" as const;
  }
  if (Object.keys(fields).length === 0) return "is there" as const;
  const { resourceVersion } = there.metadata;
  const body = { metadata: { resourceVersion }, ...fields, ...bothSubjects(there, manifest) };
  await client.patch(resource, metadata, { type: "merge", body });
  return "updated" as const;
}

interface Bound extends KubernetesObject {
  subjects?: NonNullable<Manifest["subjects"]>;
}

function bothSubjects(there: Bound, { subjects: ours }: Manifest): Pick<Bound, "subjects"> {
  if (!ours) return {};
  const isOurs = (one: Subject) => ours.some((our) => keyOf(our) === keyOf(one));
  return { subjects: [...(there.subjects ?? []).filter((one) => !isOurs(one)), ...ours] };
}

type Subject = NonNullable<Manifest["subjects"]>[number];

const keyOf = ({ kind, namespace, name }: Subject) => `${kind} ${namespace ?? ""}/${name}`;

function resourceOf({ apiVersion, kind }: Manifest): Resource {
  const [plural, namespaced] = plurals[kind] ?? ["", false];
  const [version = "", group = ""] = apiVersion.split("/").toReversed();
  return { group, version, plural, kind, namespaced };
}
