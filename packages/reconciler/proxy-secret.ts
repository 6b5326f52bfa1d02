// Why: pods behind a proxy read its URL, user and password included, from one Secret of their set; it is
// made before the first pod and refreshed with it (ARC 0.14.2, ephemeralrunnerset_controller.go).
import { KubernetesError } from "@runlet/kubernetes/client";
import { labels, secrets, type EphemeralRunnerSet } from "@runlet/kubernetes/resources";
import type { Context } from "./context.ts";
import { canonicalJson, shortHash } from "./hash.ts";
import type { Secret } from "./pod.ts";
import { proxySecretData, resolveProxy } from "./proxy.ts";
import { ownedBy } from "./runner-pod.ts";

export function proxySecretName(set: EphemeralRunnerSet): string {
  const namespace = set.metadata.namespace ?? "";
  return `${set.metadata.name}-${shortHash(namespace, 8)}-runner-proxy`;
}

/** Makes or refreshes the Secret; nothing for a set without a proxy. Throws CredentialUnusable. */
export async function keepProxySecret(ctx: Context, set: EphemeralRunnerSet): Promise<void> {
  const proxy = set.spec.ephemeralRunnerSpec?.proxy;
  if (!proxy) return;
  const namespace = set.metadata.namespace ?? "";
  const name = proxySecretName(set);
  const data = proxySecretData(await resolveProxy(ctx.client, namespace, proxy));
  const there = await ctx.client.find<Secret>(secrets, { namespace, name });
  if (there && canonicalJson(there.data) === canonicalJson(data)) return;
  if (there) {
    const operations = [{ op: "add" as const, path: "/data", value: data }];
    await ctx.client.patch(secrets, { namespace, name }, { type: "json", operations });
    return;
  }
  await create(ctx, {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name,
      namespace,
      labels: pickScaleSetLabels(set.metadata.labels),
      ownerReferences: [ownedBy(set, "EphemeralRunnerSet")],
    },
    data,
  });
}

async function create(ctx: Context, secret: Secret): Promise<void> {
  try {
    await ctx.client.create(secrets, secret);
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.reason !== "AlreadyExists") throw error;
  }
}

function pickScaleSetLabels(from: Record<string, string> | undefined): Record<string, string> {
  const keys = [labels.scaleSetName, labels.scaleSetNamespace];
  return Object.fromEntries(keys.map((key) => [key, from?.[key] ?? ""]));
}
