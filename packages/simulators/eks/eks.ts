// Why: AWS as far as a cluster of EKS needs it: DescribeCluster (address and CA), STS AssumeRole for roles of other accounts,
// and who the bearer of a presigned token is. No emulator gives a cluster whose endpoint answers; this one leads to the
// simulator of the Kubernetes API, over TLS.
import { Hono } from "hono";
import type { Clock } from "@runlet/runtime/clock";
import type { Random } from "@runlet/runtime/random";
import type { User } from "../kube-api/authentication.ts";
import { verifyPresignedToken } from "./presigned-token.ts";
import type { AccessEntry, AwsPrincipal } from "./principals.ts";

export interface EksClusterPlace {
  name: string;
  region: string;
  /** https://HOST:PORT of its API server. */
  endpoint: string;
  caPem: string;
  accessEntries: AccessEntry[];
}

export interface EksOptions {
  /** Who has an access key from the start. */
  principals: AwsPrincipal[];
  /** Roles that may be assumed, with the external id that is asked for where there is one. */
  roles?: { arn: string; externalId?: string }[];
}

export interface EksSimulator {
  app: Hono;
  clusters: Map<string, EksClusterPlace>;
  /** Said of STS in tokens, once it is known where this listens. */
  setStsHost(host: string): void;
  /** The user of a bearer token in `cluster`, for the simulator of its API; undefined: refused. */
  userOf(cluster: string, token: string): User | undefined;
  /** What was asked, with the asker's access key: `DescribeCluster east AKID…`. */
  asked: string[];
  /** Why tokens were refused. */
  refusals: string[];
}

/** Borrowed credentials end after so long (AWS, AssumeRole: the default). */
const lentMs = 3_600_000;

/** EKS and STS of one account and those that trust it. */
export function createEksSimulator(
  { clock, random }: { clock: Clock; random: Random },
  { principals, roles = [] }: EksOptions,
): EksSimulator {
  const clusters = new Map<string, EksClusterPlace>();
  const known = new Map(principals.map((one) => [one.credentials.accessKeyId, one]));
  const lent = new Map<string, number>();
  const asked: string[] = [];
  const refusals: string[] = [];
  let stsHost = "";
  const find = (keyId: string) =>
    (lent.get(keyId) ?? Infinity) > clock.wallMs() ? known.get(keyId) : undefined;

  function lend(arn: string) {
    const accessKeyId = `ASIA${random.uuid().replaceAll("-", "").slice(0, 16).toUpperCase()}`;
    const credentials = {
      accessKeyId,
      secretAccessKey: random.uuid(),
      sessionToken: random.uuid(),
    };
    known.set(accessKeyId, { arn, credentials });
    lent.set(accessKeyId, clock.wallMs() + lentMs);
    return { ...credentials, until: clock.wallMs() + lentMs };
  }

  const app = new Hono();
  app.use(async ({ req, json }, next) => {
    const authorization = req.header("authorization") ?? "";
    const [, keyId = "", service] =
      /Credential=(\w+)\/\d+\/[\w-]+\/(\w+)\//.exec(authorization) ?? [];
    const wanted = req.method === "POST" ? "sts" : "eks";
    if (find(keyId) && service === wanted) return next();
    return json({ message: "The security token included in the request is invalid" }, 403);
  });
  app.get("/clusters/:name", ({ req, json }) => {
    const name = req.param("name");
    asked.push(`DescribeCluster ${name} ${keyIdOf(req.header("authorization"))}`);
    const cluster = clusters.get(name);
    if (!cluster) {
      const type = { "x-amzn-errortype": "ResourceNotFoundException" };
      return json({ message: `No cluster found for name: ${name}.` }, 404, type);
    }
    const { endpoint, caPem } = cluster;
    const data = Buffer.from(caPem).toString("base64");
    const said = { name, status: "ACTIVE", endpoint, certificateAuthority: { data } };
    return json({ cluster: said });
  });
  app.post("/", async ({ req, text }) => {
    const form = new URLSearchParams(await req.text());
    const arn = form.get("RoleArn") ?? "";
    asked.push(`${form.get("Action")} ${arn} ${keyIdOf(req.header("authorization"))}`);
    const role = roles.find((one) => one.arn === arn);
    if (!role || (role.externalId ?? null) !== form.get("ExternalId"))
      return text(renderDenied(arn), 403);
    return text(renderLent(lend(arn)));
  });

  return {
    app,
    clusters,
    asked,
    refusals,
    setStsHost: (host) => void (stsHost = host),
    userOf(name, token) {
      const cluster = clusters.get(name);
      if (!cluster) return undefined;
      const rules = { cluster: name, region: cluster.region, stsHost, find };
      const found = verifyPresignedToken(rules, token, clock.wallMs());
      if ("wrong" in found) return void refusals.push(found.wrong);
      const entry = cluster.accessEntries.find(({ principalArn }) => principalArn === found.arn);
      if (!entry) return void refusals.push(`${found.arn} has no access entry`);
      return { name: found.arn, groups: [...entry.kubernetesGroups, "system:authenticated"] };
    },
  };
}

const keyIdOf = (authorization = "") => /Credential=(\w+)\//.exec(authorization)?.[1] ?? "nobody";

function renderDenied(arn: string): string {
  const message = `User is not authorized to perform: sts:AssumeRole on resource: ${arn}`;
  return `<ErrorResponse><Error><Code>AccessDenied</Code><Message>${message}</Message></Error></ErrorResponse>`;
}

function renderLent(one: {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  until: number;
}): string {
  return `<AssumeRoleResponse><AssumeRoleResult><Credentials>
  <AccessKeyId>${one.accessKeyId}</AccessKeyId><SecretAccessKey>${one.secretAccessKey}</SecretAccessKey>
  <SessionToken>${one.sessionToken}</SessionToken><Expiration>${new Date(one.until).toISOString()}</Expiration>
  </Credentials></AssumeRoleResult></AssumeRoleResponse>`;
}
