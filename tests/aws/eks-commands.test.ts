// Why: `cluster add --eks` is two words for its user and a chain for us: DescribeCluster, the cluster's CA, a presigned call
// of STS as a bearer token, an access entry's group, the granted role, and for another account a role in between. It is
// met whole: AWS signs and judges, the API server serves TLS with the CA that EKS tells, and the sweep comes in after.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { discover } from "@runlet/control-plane/sweep/discover";
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import { createRegistry } from "@runlet/coordination/registry";
import { createSecretsManager } from "@runlet/coordination/secrets-manager";
import { createKubernetesClient } from "@runlet/kubernetes/client";
import { readCrds } from "@runlet/kubernetes/crds";
import { clusterCommand } from "@runlet/runlet/commands/cluster";
import { statusCommand } from "@runlet/runlet/commands/status";
import { createAwsCalls } from "@runlet/runlet/compose/aws-calls";
import { createStageWays } from "@runlet/runlet/compose/stage-ways";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSilentLog } from "@runlet/runtime/log";
import { cloudSettings } from "@runlet/runtime/settings";
import { readAwsStage } from "@runlet/runtime/settings-aws";
import { createSystemRandom } from "@runlet/runtime/random";
import { listen } from "@runlet/simulators/actions-service/listen";
import { createEksSimulator, type EksSimulator } from "@runlet/simulators/eks/eks";
import { getServerCertificate } from "@runlet/simulators/kube-api/certificates";
import { renderKubeconfig } from "@runlet/simulators/kube-api/kubeconfig";
import { listenApi } from "@runlet/simulators/kube-api/listen";
import { createKubeApiSimulator } from "@runlet/simulators/kube-api/simulator";
import { afterEach, expect, test, vi } from "vitest";
import { region, testCredentials } from "./moto.ts";
import { openAccount } from "./persons-account.ts";

const clock = createSystemClock();
const deps = { clock, random: createSystemRandom() };
const group = "runlet-control-plane";
const own = { arn: "arn:aws:iam::123456789012:role/runlet-poller", credentials: testCredentials };
const role = { arn: "arn:aws:iam::210987654321:role/runlet-there", externalId: "ours" };
const closing: (() => unknown)[] = [];

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closing.splice(0).toReversed()) await close();
});

/** An API server of EKS in `at`, with access entries for our role and the other account's. */
async function startCluster(eks: EksSimulator, home: string, name: string, at: string) {
  const api = createKubeApiSimulator(deps, { authenticate: (token) => eks.userOf(name, token) });
  api.applyManifests(readCrds());
  const certificate = await getServerCertificate(join(home, "kube-api"), clock.wallMs());
  const { url, close } = await listenApi(api.app, { port: 0, certificate });
  closing.push(() => api.close(), close);
  const { caPem } = certificate;
  const accessEntries = [own, role].map(({ arn: principalArn }) => ({
    principalArn,
    kubernetesGroups: [group],
  }));
  eks.clusters.set(name, { name, region: at, endpoint: url, caPem, accessEntries });
  const admin = join(home, `${name}-admin.yaml`);
  writeFileSync(admin, renderKubeconfig({ name, server: url, caPem, token: api.adminToken }));
  return { api, admin };
}

async function setUp() {
  const eks = createEksSimulator(deps, { principals: [own], roles: [role] });
  const { url, close } = await listen(eks.app, 0);
  eks.setStsHost(new URL(url).host);
  const account = await openAccount({ AWS_ENDPOINT_URL_EKS: url, AWS_ENDPOINT_URL_STS: url });
  closing.push(() => account.close(), close);
  const cluster = (...args: string[]) => account.run(clusterCommand, ...args);
  return { ...account, eks, cluster };
}

const runnerSet = `apiVersion: v1
kind: Namespace
metadata: { name: red, labels: { runlet.dev/managed: "true" } }
---
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingRunnerSet
metadata: { name: linux, namespace: red, annotations: { runner-scale-set-id: "7" } }
spec:
  githubConfigUrl: https://github.com/acme
  githubConfigSecret: s
  template: { spec: { containers: [{ name: runner, image: i }] } }
`;

/** What the sweep finds over the ways of the stage, which poller and sweep have alike (compose/stage-ways.ts). */
async function discoverAsTheSweep(tableName: string) {
  const stage = readAwsStage("test");
  const aws = createAwsCalls(clock, stage);
  closing.push(() => aws.http.close());
  const log = createSilentLog();
  const secrets = createSecretsManager(aws.secretsManager);
  const { accessTo } = createStageWays({ ...deps, log, secrets, aws }, stage);
  const table = createDynamodbTable(aws.dynamodb, tableName);
  const registry = createRegistry({ ...deps, log, table });
  return discover({
    ...deps,
    log,
    registry,
    metrics: { count: () => {}, observe: () => {} },
    settings: cloudSettings,
    wakes: { wake: async () => "flagged", findFlag: async () => undefined, clear: async () => {} },
    findService: async () => undefined,
    forget: async () => {},
    async findCluster(name) {
      const { row } = (await registry.listClusters()).find((one) => one.row.name === name) ?? {};
      const access = row && (await accessTo(row));
      if (!access) return undefined;
      closing.push(() => access.close());
      return createKubernetesClient({ access, clock, userAgent: "sweep", limitMs: 10_000 });
    },
  });
}

test("a cluster of EKS is added by its name, checked, and found by the sweep, with no credential stored", async () => {
  const { home, eks, cluster, run, secrets, tableName } = await setUp();
  const { api, admin } = await startCluster(eks, home, "prod-1", region);
  api.applyManifests(runnerSet);

  const unready = await cluster("add", "east", "--eks", "prod-1");
  expect([unready.code, unready.err]).toEqual([
    1,
    expect.stringContaining("lacks 12 of 12 rights"),
  ]);
  expect(unready.err).toContain("runlet cluster grant");
  const grant = ["grant", "--group", group, "--apply", "--kubeconfig", admin];
  expect((await cluster(...grant)).code).toBe(0);
  const added = await cluster("add", "east", "--eks", "prod-1");
  expect([added.code, added.out]).toEqual([0, expect.stringContaining("rights       12 of 12")]);
  // Whoever types this is not the function: what the function needs is said.
  expect(added.out).toContain("eksClusters");
  expect((await cluster("list")).out).toContain(`eks:${region}/prod-1`);
  expect((await cluster("check", "east", "--json")).out).toContain('"problems":[]');
  expect(await secrets.find("runlet/test/clusters/east")).toBeUndefined();
  expect(eks.refusals).toEqual([]);
  expect(new Set(eks.asked)).toEqual(
    new Set([`DescribeCluster prod-1 ${testCredentials.accessKeyId}`]),
  );

  const found = await discoverAsTheSweep(tableName);
  expect(found.silent).toEqual([]);
  expect(found.rows.map(({ name, targets }) => [name, targets])).toEqual([
    ["linux", [{ cluster: "east", namespace: "red", autoscalingRunnerSet: "linux" }]],
  ]);
  const { out } = await run(statusCommand);
  expect(out).toContain("no credential is registered for https://github.com/acme");
});

test("a cluster in another account and region is reached by the role there, or said why not", async () => {
  const { home, eks, cluster } = await setUp();
  const { admin } = await startCluster(eks, home, "far", "us-west-2");
  await cluster("grant", "--group", group, "--apply", "--kubeconfig", admin);
  const there = ["--eks", "far", "--region", "us-west-2", "--role-arn", role.arn];
  const refused = await cluster("add", "west", ...there);
  expect([refused.code, refused.err]).toEqual([
    1,
    expect.stringContaining(`cannot assume ${role.arn}: AccessDenied`),
  ]);
  const added = await cluster("add", "west", ...there, "--external-id", "ours");
  expect([added.code, added.err]).toEqual([0, "checking cluster west …\n"]);
  expect((await cluster("list")).out).toContain("eks:us-west-2/far?role=arn");
  const kinds = eks.asked.map((one) => one.replace(/ASIA\w+/, "lent"));
  expect(kinds.slice(-2)).toEqual([
    `AssumeRole ${role.arn} ${testCredentials.accessKeyId}`,
    "DescribeCluster far lent",
  ]);
  // The wrong region signs for another STS, whose word the cluster does not take.
  const astray = await cluster("add", "astray", "--eks", "far", "--region", "eu-west-1");
  expect([astray.code, astray.err]).toEqual([1, expect.stringContaining("401")]);
  expect(eks.refusals).toContain("it is signed for eu-west-1/sts/aws4_request");
});

test("a name that EKS does not have, and an endpoint that no cluster has, are refused before anything is kept", async () => {
  const { home, eks, cluster } = await setUp();
  const absent = await cluster("add", "east", "--eks", "nowhere");
  expect([absent.code, absent.err]).toEqual([
    1,
    expect.stringContaining("No cluster found for name: nowhere"),
  ]);
  await startCluster(eks, home, "prod-1", region);
  vi.stubEnv("RUNLET_ALLOW_LOOPBACK", "");
  const inside = await cluster("add", "east", "--eks", "prod-1");
  expect([inside.code, inside.err]).toEqual([
    1,
    expect.stringContaining("this machine's own address"),
  ]);
  expect((await cluster("list")).out).toContain("no cluster is registered");
});
