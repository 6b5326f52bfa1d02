// Why: EKS takes as a bearer token a presigned call of STS GetCallerIdentity, by which it learns who asks
// (kubernetes-sigs/aws-iam-authenticator, "API Authorization from Outside a Cluster"). It holds for 15 minutes.
import { presignAws, type AwsCredentials } from "@runlet/runtime/aws-sign";
import type { Clock } from "@runlet/runtime/clock";

/** Made anew after ten minutes: five are left for clocks that differ. */
const freshMs = 10 * 60_000;

export interface EksTokenDeps {
  clock: Clock;
  credentials: () => Promise<AwsCredentials>;
  /** Of STS in the cluster's region. */
  stsUrl: string;
}

/** Tokens for one cluster, each for ten minutes. Making one asks nobody. */
export function createEksToken(
  deps: EksTokenDeps,
  cluster: { name: string; region: string },
): () => Promise<string> {
  let made: { token: string; atMs: number } | undefined;
  return async () => {
    const wallMs = deps.clock.wallMs();
    if (made && wallMs - made.atMs < freshMs && wallMs >= made.atMs) return made.token;
    const request = {
      method: "GET",
      url: `${deps.stsUrl}/?Action=GetCallerIdentity&Version=2011-06-15`,
      headers: { "x-k8s-aws-id": cluster.name },
      service: "sts",
      region: cluster.region,
      expiresSeconds: 60,
    };
    const { url } = await presignAws(await deps.credentials(), request, wallMs);
    made = { token: `k8s-aws-v1.${Buffer.from(url).toString("base64url")}`, atMs: wallMs };
    return made.token;
  };
}
