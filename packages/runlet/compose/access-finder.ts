// Why: a cluster's row says in a line of text where its access is found. What that line means is the same for a function
// and for the command line: a strict kubeconfig in a store of secrets, or a cluster of EKS.
import { parseAccessRef, type AccessRef } from "@runlet/coordination/access-ref";
import type { ClusterRow } from "@runlet/coordination/registry";
import type { Secrets } from "@runlet/coordination/secrets";
import type { OpenAccess } from "@runlet/kubernetes/access";
import { createStoredAccess, type StoredAccessDeps } from "@runlet/kubernetes/stored-access";

export interface AccessFinderDeps extends StoredAccessDeps {
  secrets: Secrets;
  /** Absent where there is no AWS account. */
  openEks?: (cluster: Extract<AccessRef, { kind: "eks" }>) => Promise<OpenAccess>;
}

/** The way into a registered cluster; undefined for a line of another deployment's kind. */
export function createAccessFinder(
  deps: AccessFinderDeps,
): (cluster: Pick<ClusterRow, "name" | "accessRef">) => Promise<OpenAccess | undefined> {
  return async ({ name, accessRef }) => {
    const ref = parseAccessRef(accessRef);
    if (!ref) return undefined;
    if (ref.kind === "eks") return deps.openEks?.(ref);
    return createStoredAccess(deps, async () => {
      const text = await deps.secrets.find(ref.name);
      if (text !== undefined) return text;
      throw new Error(`there is no secret ${ref.name} with the kubeconfig of cluster ${name}`);
    });
  };
}
