// Why: the account that the reconciler has in a cluster, with exactly the rights that the chart gives it.
import { charts, createHelm } from "./helm.ts";

/** The release, and so the account, its roles and its Lease. */
export const release = "runlet-reconciler";
export const systemNamespace = "runlet-system";

/** Flags of a replica beside others, as the chart gives them. */
export const electionFlags = [
  "--enable-leader-election",
  `--leader-election-id=${release}`,
  `--leader-election-namespace=${systemNamespace}`,
];

/** The account of the control plane, where `poller` is asked for. */
export const pollerAccount = `${release}-control-plane`;

export interface AccessOptions {
  single?: boolean | undefined;
  poller?: boolean | undefined;
}

/** Namespaces, account and rights; `single`: in the namespace `runners` alone, with Roles and no ClusterRole. */
export async function reconcilerAccess(
  runners: string,
  { single = false, poller = false }: AccessOptions,
): Promise<string> {
  const helm = await createHelm();
  const place = ["template", release, charts.reconciler, "--namespace", systemNamespace];
  const shown = ["roles", "service-account", ...(poller ? ["poller"] : [])].flatMap((name) => [
    "-s",
    `templates/${name}.yaml`,
  ]);
  const values = {
    image: { repository: "none" },
    namespaces: single ? [runners] : [],
    poller: { create: poller },
  };
  const rendered = await helm.run([...place, ...shown], values);
  helm.close();
  if (!rendered.ok) throw new Error(rendered.errors);
  const binding = single ? "" : bindRunners(runners);
  return `
apiVersion: v1
kind: Namespace
metadata: { name: ${systemNamespace} }
---
apiVersion: v1
kind: Namespace
metadata: { name: ${runners}, labels: { runlet.dev/managed: "${!single}" } }
${rendered.out}
${binding}`;
}

/** What the chart of a runner set does in its namespace. */
const bindRunners = (runners: string) => `
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: ${release}-runners, namespace: ${runners} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${release}-runners }
subjects: [{ kind: ServiceAccount, name: ${release}, namespace: ${systemNamespace} }]
`;
