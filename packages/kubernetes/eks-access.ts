// Why: a cluster of EKS needs no stored credential: its address and CA are asked for, and who we are is a signature
// (AWS, "Grant IAM users access to Kubernetes with EKS access entries"). That is the way in the cloud.
import { DescribeClusterCommand, EKSClient } from "@aws-sdk/client-eks";
import { withDeadline } from "@runlet/runtime/deadline";
import type { Log } from "@runlet/runtime/log";
import { createStrictAccess, type FetchMaker, type OpenAccess } from "./access.ts";
import { createAssumedRole, type AwsAccount } from "./assumed-role.ts";
import { createEksToken } from "./eks-token.ts";
import { createRenewedAccess } from "./renewed-access.ts";
import { parseServerUrl } from "./server-url.ts";

export interface EksDeps extends AwsAccount {
  log: Log;
  /** Of the EKS API in a region; default AWS's. */
  eksUrl?: (region: string) => string | undefined;
  createFetch?: FetchMaker;
}

export interface EksCluster {
  name: string;
  region: string;
  /** In the cluster's account, where that is another. */
  roleArn?: string;
  externalId?: string;
}

/** Address and CA hardly ever change. */
const describedMs = 3_600_000;
const limitMs = 5_000;

/** Access as the function's own role, or as `roleArn`. Throws when the cluster cannot be described. */
export async function createEksAccess(deps: EksDeps, cluster: EksCluster): Promise<OpenAccess> {
  const { clock } = deps;
  const { roleArn, region } = cluster;
  const credentials = roleArn ? createAssumedRole(deps, { ...cluster, roleArn }) : deps.credentials;
  const token = createEksToken({ clock, credentials, stsUrl: deps.stsUrl(region) }, cluster);
  let described: { at: number; key: string; access: OpenAccess } | undefined;

  async function load(): Promise<OpenAccess> {
    if (described && clock.nowMs() - described.at < describedMs) return described.access;
    const at = clock.nowMs();
    // Whatever comes of it, it is not asked for again with each call.
    if (described) described = { ...described, at };
    const place = await describe({ ...deps, credentials }, cluster);
    const key = JSON.stringify(place);
    if (described?.key === key) return described.access;
    // The strict access with a credential that is not used: the token below goes before it.
    const nobody = { kind: "token", token: "" } as const;
    const strict = createStrictAccess(deps, {
      context: cluster.name,
      credential: nobody,
      ...place,
    });
    described = { at, key, access: { ...strict, token } };
    return described.access;
  }
  return createRenewedAccess(deps, load);
}

async function describe(deps: EksDeps, { name, region }: EksCluster) {
  const endpoint = deps.eksUrl?.(region);
  const client = new EKSClient({
    region,
    credentials: deps.credentials,
    requestHandler: handleWith(deps),
    ...(endpoint && { endpoint }),
  });
  const { cluster } = await client
    .send(new DescribeClusterCommand({ name }))
    .catch((cause: unknown) => {
      const said = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
      throw new Error(`cannot describe the EKS cluster ${name} in ${region}: ${said}`, { cause });
    });
  const ca = cluster?.certificateAuthority?.data;
  if (!cluster?.endpoint || !ca) {
    throw new Error(
      `the EKS cluster ${name} in ${region} is ${cluster?.status ?? "not there"} yet`,
    );
  }
  const server = parseServerUrl(cluster.endpoint);
  if (typeof server !== "string") throw new Error(`EKS cluster ${name}: ${server.reason}`);
  return { server, caPem: Buffer.from(ca, "base64").toString("utf8") };
}

/** What the SDK hands to what carries its calls (of @smithy/types, HttpRequest). */
interface SdkRequest {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  method: string;
  headers: Record<string, string>;
}

/** The SDK over our fetch: its proxies, its time limits, its clock. */
function handleWith({ fetch, clock }: EksDeps) {
  return {
    async handle({ protocol, hostname, port, path, method, headers }: SdkRequest) {
      const url = `${protocol}//${hostname}${port ? `:${port}` : ""}${path}`;
      return withDeadline(clock, limitMs, undefined, async (signal) => {
        const answer = await fetch(url, { method, headers, signal });
        const body = new Uint8Array(await answer.arrayBuffer());
        const response = { statusCode: answer.status, headers: Object.fromEntries(answer.headers) };
        return { response: { ...response, body } };
      });
    },
  };
}
