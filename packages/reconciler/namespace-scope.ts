// Why: ARC and Runlet may share a cluster but never a namespace. Runlet acts only where somebody said
// so: by the label runlet.dev/managed=true, or by naming the namespaces when it is installed.
import type { KubernetesObject } from "@runlet/kubernetes/client";
import type { Kind } from "./kinds.ts";

export interface NamespaceScope {
  manages(namespace: string): boolean;
  /** Being deleted: nothing can be created in it any more. */
  isTerminating(namespace: string): boolean;
}

export interface Namespace extends KubernetesObject {
  status?: { phase?: string };
}

/**
 * `named`: of the namespaces given at install those whose caches are filled (it grows); otherwise those that `labelled`
 * (a selecting watch) shows.
 */
export function createNamespaceScope(
  named: ReadonlySet<string> | undefined,
  labelled: Kind<Namespace> | undefined,
): NamespaceScope {
  const find = (namespace: string) => labelled?.find({ name: namespace });
  return {
    manages: (namespace) => (named ? named.has(namespace) : find(namespace) !== undefined),
    isTerminating(namespace) {
      const found = find(namespace);
      return (
        found?.metadata.deletionTimestamp !== undefined || found?.status?.phase === "Terminating"
      );
    },
  };
}
