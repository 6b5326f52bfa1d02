// Why: whether a right was granted is best asked of who decides: the API server (SelfSubjectAccessReview, which every
// account may create), one question for each right.
import type { KubernetesClient, KubernetesObject, Resource } from "./client.ts";

/** A right as RBAC knows it. */
export interface Right {
  verb: string;
  /** "" for the core group. */
  group: string;
  /** Plural, with a slash before a subresource: `ephemeralrunners/status`. */
  resource: string;
  /** Absent: in the whole cluster. */
  namespace?: string;
}

interface Review extends KubernetesObject {
  spec: { resourceAttributes: Record<string, string> };
  status?: { allowed: boolean; reason?: string };
}

const reviews: Resource = {
  group: "authorization.k8s.io",
  version: "v1",
  plural: "selfsubjectaccessreviews",
  kind: "SelfSubjectAccessReview",
  namespaced: false,
};

/** Which of `rights` the client's account lacks. Throws KubernetesError. */
export async function findLacking(
  client: Pick<KubernetesClient, "create">,
  rights: readonly Right[],
): Promise<Right[]> {
  const lacking: Right[] = [];
  // One after the other: a dozen questions of milliseconds, and no burst that the server would throttle.
  for (const right of rights) if (!(await isAllowed(client, right))) lacking.push(right);
  return lacking;
}

async function isAllowed(client: Pick<KubernetesClient, "create">, right: Right): Promise<boolean> {
  const [resource = "", subresource] = right.resource.split("/");
  const { verb, group, namespace } = right;
  const answer = await client.create<Review>(reviews, {
    metadata: { name: "" },
    spec: {
      resourceAttributes: {
        verb,
        group,
        resource,
        ...(subresource && { subresource }),
        ...(namespace && { namespace }),
      },
    },
  });
  return answer.status?.allowed === true;
}

/** For people: `patch ephemeralrunners/status.actions.github.com in namespace a`. */
export function describeRight({ verb, group, resource, namespace }: Right): string {
  const where = namespace === undefined ? "" : ` in namespace ${namespace}`;
  return `${verb} ${resource}${group && `.${group}`}${where}`;
}
