// Why: a cluster of EKS needs no stored credential. The functions may describe it, and its access entry says which
// Kubernetes group they are; what the group may do `runlet cluster grant` says, in the cluster.
import type { Stage } from "./stage.ts";

/** The group that the shipped role (packages/control-plane/roles.yaml) is bound to; never one of system:. */
export const kubernetesGroup = "runlet-control-plane";

/** For poller and sweep: describe the clusters of this account, assume the roles that lead to others. */
export function clusterPermissions({ settings, arnOf }: Stage): sst.aws.FunctionPermissionArgs[] {
  const clusters = settings.eksClusters;
  const own = clusters.filter(({ roleArn }) => roleArn === undefined);
  const roles = [...new Set(clusters.flatMap(({ roleArn }) => roleArn ?? []))];
  const described = own.map(({ name, region }) => arnOf("eks", `cluster/${name}`, region));
  return [
    ...(own.length > 0 ? [{ actions: ["eks:DescribeCluster"], resources: described }] : []),
    ...(roles.length > 0 ? [{ actions: ["sts:AssumeRole"], resources: roles }] : []),
  ];
}

/** An access entry for each function in each cluster of this account. */
export function grantClusterAccess(
  { settings }: Stage,
  functions: Record<"poller" | "sweep", sst.aws.Function>,
): void {
  for (const { name, region, roleArn } of settings.eksClusters) {
    if (roleArn !== undefined) continue;
    for (const [part, { nodes }] of Object.entries(functions)) {
      new aws.eks.AccessEntry(`Access-${name}-${region ?? "here"}-${part}`, {
        clusterName: name,
        ...(region && { region }),
        principalArn: nodes.role.arn,
        kubernetesGroups: [kubernetesGroup],
        type: "STANDARD",
      });
    }
  }
}
