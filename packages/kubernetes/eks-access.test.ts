import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createHttpFetch } from "@runlet/runtime/http";
import { createTestCa, listen, type Listening } from "@runlet/runtime/http-fixture";
import { createLog } from "@runlet/runtime/log";
import { createSystemClock } from "@runlet/runtime/clock";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EksDeps } from "./eks-access.ts";
import { createEksAccess } from "./eks-access.ts";
import { createKubernetesClient } from "./client.ts";

const ca = await createTestCa("eks-ca");
const system = createSystemClock();

/** AWS as far as it is asked, and the API server of the cluster with a certificate of its own. */
interface World {
  deps: EksDeps;
  /** Milliseconds by which the clock has been moved on. */
  clock: { offset: number };
  cluster: { endpoint: string; caData: string; status: string };
  /** What was asked of AWS, e.g. "GET /clusters/east as AKID". */
  asked: string[];
  /** The tokens that the API server saw, decoded. */
  tokens: URL[];
  lines: string[];
}

let world: World;
let servers: Listening[];
beforeEach(async () => {
  const certificate = await ca.issue("kubernetes", "IP:127.0.0.1");
  const tokens: URL[] = [];
  const tls = { cert: certificate.certificatePem, key: certificate.keyPem };
  const api = await listen(
    createTlsServer(tls, (request, response) => {
      tokens.push(decodeToken(request.headers.authorization));
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ metadata: { name: "runners" } }));
    }),
  );
  const cluster = {
    endpoint: `https://127.0.0.1:${api.port}`,
    caData: Buffer.from(ca.certificatePem).toString("base64"),
    status: "ACTIVE",
  };
  const asked: string[] = [];
  const aws = await listen(createServer((request, response) => answer(request, response)));
  servers = [api, aws];
  const clock = { offset: 0 };
  const lines: string[] = [];
  const moved = {
    ...system,
    nowMs: () => system.nowMs() + clock.offset,
    wallMs: () => system.wallMs() + clock.offset,
  };
  const url = `http://127.0.0.1:${aws.port}`;
  world = {
    clock,
    cluster,
    asked,
    tokens,
    lines,
    deps: {
      clock: moved,
      fetch: createHttpFetch({ clock: system }),
      log: createLog({ write: (line) => lines.push(line), wallMs: () => 0 }),
      credentials: async () => ({
        accessKeyId: "AKIDOWN",
        secretAccessKey: "s",
        sessionToken: "t",
      }),
      stsUrl: () => url,
      eksUrl: () => url,
    },
  };

  function answer(request: IncomingMessage, response: ServerResponse) {
    const key = /Credential=(\w+)\//.exec(request.headers.authorization ?? "")?.[1];
    asked.push(`${request.method} ${request.url} as ${key}`);
    if (request.method === "POST" && cluster.status === "DENIED") {
      const error =
        "<Error><Code>AccessDenied</Code><Message>User is not authorized</Message></Error>";
      return response.writeHead(403).end(`<ErrorResponse>${error}</ErrorResponse>`);
    }
    if (request.method === "POST") return response.end(lent(world.deps.clock.wallMs()));
    if (request.url !== "/clusters/east") {
      response.writeHead(404, { "x-amzn-errortype": "ResourceNotFoundException" });
      return response.end(JSON.stringify({ message: "No cluster found for name: west." }));
    }
    const { endpoint, caData, status } = cluster;
    response.setHeader("content-type", "application/json");
    const described = { name: "east", status, endpoint, certificateAuthority: { data: caData } };
    return response.end(JSON.stringify({ cluster: described }));
  }
});
afterEach(() => Promise.all(servers.map((server) => server.stop())));

const lent = (wallMs: number) => `<AssumeRoleResponse><AssumeRoleResult><Credentials>
  <AccessKeyId>AKIDLENT</AccessKeyId><SecretAccessKey>ls</SecretAccessKey><SessionToken>lt</SessionToken>
  <Expiration>${new Date(wallMs + 3_600_000).toISOString()}</Expiration>
  </Credentials></AssumeRoleResult></AssumeRoleResponse>`;

function decodeToken(authorization = ""): URL {
  const encoded = /^Bearer k8s-aws-v1\.([\w-]+)$/.exec(authorization)?.[1] ?? "";
  return new URL(Buffer.from(encoded, "base64url").toString());
}

const east = { name: "east", region: "eu-central-1" };
const namespaces = {
  group: "",
  version: "v1",
  plural: "namespaces",
  kind: "Namespace",
  namespaced: false,
};

async function connect(cluster: Parameters<typeof createEksAccess>[1] = east) {
  const { deps } = world;
  const access = await createEksAccess(deps, cluster);
  const client = createKubernetesClient({
    access,
    clock: system,
    userAgent: "test",
    limitMs: 5_000,
  });
  return { access, get: () => client.find(namespaces, { name: "runners" }) };
}

describe("a cluster of EKS", () => {
  it("is reached at its endpoint with its CA, as whom the presigned token says", async () => {
    const { get } = await connect();
    expect(await get()).toMatchObject({ metadata: { name: "runners" } });
    expect(world.asked).toEqual(["GET /clusters/east as AKIDOWN"]);
    const [token] = world.tokens;
    expect(token?.searchParams.get("Action")).toBe("GetCallerIdentity");
    expect(token?.searchParams.get("X-Amz-SignedHeaders")).toBe("host;x-k8s-aws-id");
    expect(token?.searchParams.get("X-Amz-Expires")).toBe("60");
    expect(token?.searchParams.get("X-Amz-Credential")).toContain("/eu-central-1/sts/aws4_request");
  });
  it("gets one token for ten minutes, and a new one before the fifteen are over", async () => {
    const { get } = await connect();
    await get();
    world.clock.offset = 599_000;
    await get();
    world.clock.offset = 601_000;
    await get();
    const dates = world.tokens.map((token) => token.searchParams.get("X-Amz-Date"));
    expect(dates[1]).toBe(dates[0]);
    expect(dates[2]).not.toBe(dates[0]);
    expect(world.asked).toHaveLength(1);
  });
  it("in another account is described and reached with the role there, borrowed once an hour", async () => {
    const roleArn = "arn:aws:iam::210987654321:role/runlet";
    const { get } = await connect({ ...east, roleArn, externalId: "x" });
    await get();
    expect(world.asked).toEqual(["POST / as AKIDOWN", "GET /clusters/east as AKIDLENT"]);
    expect(world.tokens[0]?.searchParams.get("X-Amz-Credential")).toContain("AKIDLENT/");
    expect(world.tokens[0]?.searchParams.get("X-Amz-Security-Token")).toBe("lt");
    world.clock.offset = 44 * 60_000;
    await get();
    expect(world.asked).toHaveLength(2);
    // A token of minute 44 would still be used in minute 54, and counts as long as its credentials.
    world.clock.offset = 55 * 60_000;
    await get();
    expect(world.asked.filter((call) => call.startsWith("POST"))).toHaveLength(2);
  });
  it("whose role is refused says which and why", async () => {
    world.cluster.status = "DENIED";
    const roleArn = "arn:aws:iam::210987654321:role/runlet";
    await expect(connect({ ...east, roleArn })).rejects.toThrow(
      `cannot assume ${roleArn}: AccessDenied: User is not authorized`,
    );
  });
  it("that was made anew under its name is found within the hour, by its new CA", async () => {
    const { get } = await connect();
    await get();
    const other = await createTestCa("other-ca");
    world.cluster.caData = Buffer.from(other.certificatePem).toString("base64");
    world.clock.offset = 3_599_000;
    await get();
    world.clock.offset = 3_601_000;
    // The connection that is open would still serve; the new access has none and trusts the new CA only.
    await expect(get()).rejects.toThrow(/unable to verify|UNABLE_TO_VERIFY|SELF_SIGNED/);
  });
  it("goes on as it was while EKS does not answer, and says so once", async () => {
    const { get } = await connect();
    await get();
    await servers[1]?.stop();
    world.clock.offset = 3_601_000;
    await get();
    await get();
    expect(world.tokens).toHaveLength(3);
    const noted = world.lines.filter((line) => line.includes("cluster_access_not_renewed"));
    expect(noted).toHaveLength(1);
  }, 30_000);
  it("that is not there, not ready, or at an address that no cluster has, is refused in words", async () => {
    await expect(connect({ ...east, name: "west" })).rejects.toThrow(
      "cannot describe the EKS cluster west in eu-central-1: ResourceNotFoundException: No cluster found",
    );
    world.cluster.endpoint = "https://169.254.169.254";
    await expect(connect()).rejects.toThrow(
      "EKS cluster east: server is a cloud's metadata address",
    );
    Object.assign(world.cluster, { endpoint: "", status: "CREATING" });
    await expect(connect()).rejects.toThrow("the EKS cluster east in eu-central-1 is CREATING yet");
  });
});
