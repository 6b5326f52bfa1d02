// Why: what `runlet github add` and `runlet cluster add` leave in a stage: secrets under its prefix, rows in its table, and
// in each cluster the shipped role. The first cluster is one of EKS, which needs no secret; the others have a kubeconfig.
import { formatAccessRef } from "@runlet/coordination/access-ref";
import { createRegistry } from "@runlet/coordination/registry";
import { credentialNames } from "@runlet/coordination/secret-credentials";
import type { EksSimulator } from "@runlet/simulators/eks/eks";
import { renderKubeconfig } from "@runlet/simulators/kube-api/kubeconfig";
import { grantManifests, renderManifests } from "../commands/cluster-role.ts";
import type { ServedCluster, SocketTransport } from "../world/transport-sockets.ts";
import type { FunctionParts } from "../world/world.ts";
import { region, type EmulatedAccount } from "./emulated-account.ts";
import { roleArn } from "./function-roles.ts";

export interface RegisterParts extends FunctionParts {
  account: EmulatedAccount;
  eks: EksSimulator;
}

/** What access entries say poller and sweep are in a cluster (stacks/cluster-access.ts). */
const group = "runlet-control-plane";

export async function registerInStage(
  parts: RegisterParts,
  transport: SocketTransport,
  stage: string,
): Promise<void> {
  const { account, configUrl, pat, webhookSecret } = parts;
  const prefix = `runlet/${stage}`;
  const [credential = ""] = credentialNames(`${prefix}/github`, configUrl);
  const ca = transport.serviceCaPem;
  await account.createSecret(credential, JSON.stringify({ github_token: pat, ...(ca && { ca }) }));
  // As during a rotation: the one in use on the second line.
  await account.createSecret(`${prefix}/webhook`, `the-one-before\n${webhookSecret}\n`);
  const registry = createRegistry(parts);
  const [first] = parts.clusters.keys();
  for (const [name, { access, api }] of parts.clusters) {
    const served = transport.clusters.get(name);
    if (!served) throw new Error(`the cluster ${name} is not served`);
    const accessRef =
      name === first
        ? registerEks(parts, { name, stage, ...served, api })
        : await storeKubeconfig(account, `${prefix}/clusters/${name}`, {
            name,
            ...served,
            token: (await access.token?.()) ?? "",
          });
    await registry.putCluster({ name, accessRef }, undefined);
  }
}

type Api = Pick<NonNullable<ReturnType<FunctionParts["clusters"]["get"]>>, "api">;

function registerEks(
  { eks }: RegisterParts,
  cluster: ServedCluster & Api & { name: string; stage: string },
): string {
  const { name, stage, server, caPem, api } = cluster;
  const accessEntries = (["poller", "sweep"] as const).map((part) => ({
    principalArn: roleArn(stage, part),
    kubernetesGroups: [group],
  }));
  eks.clusters.set(name, { name, region, endpoint: server, caPem, accessEntries });
  // What `runlet cluster grant` prints for a cluster of EKS.
  api.applyManifests(renderManifests(grantManifests({ kind: "group", name: group }, undefined)));
  return formatAccessRef({ kind: "eks", region, name });
}

async function storeKubeconfig(
  account: EmulatedAccount,
  secret: string,
  cluster: ServedCluster & { name: string; token: string },
): Promise<string> {
  await account.createSecret(secret, renderKubeconfig(cluster));
  return formatAccessRef({ kind: "secret", name: secret });
}
