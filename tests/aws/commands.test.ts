// Why: the command line works on a deployed stage over the same adapters as its functions; it finds the stage's table by
// asking the poller what it was told. DynamoDB Local, moto and an answer of Lambda's stand for the account.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { verifySignature } from "@runlet/control-plane/webhook/verify";
import { readCrds } from "@runlet/kubernetes/crds";
import { clusterCommand } from "@runlet/runlet/commands/cluster";
import { githubCommand } from "@runlet/runlet/commands/github";
import { statusCommand } from "@runlet/runlet/commands/status";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSystemRandom } from "@runlet/runtime/random";
import { listen } from "@runlet/simulators/actions-service/listen";
import { createActionsServiceSimulator } from "@runlet/simulators/actions-service/simulator";
import { getServerCertificate } from "@runlet/simulators/kube-api/certificates";
import { renderKubeconfig } from "@runlet/simulators/kube-api/kubeconfig";
import { listenApi } from "@runlet/simulators/kube-api/listen";
import { createKubeApiSimulator } from "@runlet/simulators/kube-api/simulator";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runInProcess } from "../demo/run-in-process.ts";
import { motoUrl } from "./moto.ts";
import { openAccount, type PersonsAccount } from "./persons-account.ts";

const clock = createSystemClock();
const random = createSystemRandom();
const pat = `ghp_${"c3".repeat(18)}`;
const closing: (() => unknown)[] = [];

beforeEach(async () => {
  await fetch(`${motoUrl()}/moto-api/reset`, { method: "POST" });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closing.splice(0)) await close();
});

async function setUp(webhookUrl?: string): Promise<PersonsAccount> {
  const account = await openAccount({}, webhookUrl);
  closing.push(() => account.close());
  return account;
}

async function startCluster(home: string): Promise<string> {
  const api = createKubeApiSimulator({ clock, random });
  api.applyManifests(readCrds());
  const certificate = await getServerCertificate(join(home, "kube-api"), clock.wallMs());
  const { url: server, close } = await listenApi(api.app, { port: 0, certificate });
  closing.push(close, () => api.close());
  const path = join(home, "east.yaml");
  const { caPem } = certificate;
  writeFileSync(path, renderKubeconfig({ name: "c", server, caPem, token: api.adminToken }));
  return path;
}

test("clusters and credentials of a stage are registered where its functions look for them", async () => {
  const { home, run, secrets } = await setUp();
  const kubeconfig = await startCluster(home);
  const service = createActionsServiceSimulator({ clock, random }, { mode: "acquire", pat });
  const { url, close } = await listen(service.app, 0);
  closing.push(close, () => service.stop());
  const token = join(home, "token");
  const hook = join(home, "hook");
  writeFileSync(token, pat);
  writeFileSync(hook, "old-secret");
  const flags = ["--token-file", token, "--webhook-secret-file", hook];
  const github = await run(githubCommand, "add", `${url}/acme`, ...flags);
  expect([github.code, github.out]).toEqual([0, expect.stringContaining("stage test in")]);
  expect(github.out).toContain(`runlet github check ${url}/acme once the stage is deployed`);
  const host = new URL(url).host.replace(":", "=");
  expect(await secrets.find(`runlet/test/github/${host}/acme`)).toContain(pat);
  expect(await secrets.find("runlet/test/webhook")).toBe("old-secret");
  writeFileSync(hook, "new-secret");
  await run(githubCommand, "rotate", `${url}/acme`, ...flags);
  expect(await secrets.find("runlet/test/webhook")).toBe("new-secret\nold-secret");

  const added = await run(clusterCommand, "add", "east", "--kubeconfig", kubeconfig);
  expect([added.code, added.out]).toEqual([0, expect.stringContaining("is registered in stage")]);
  expect(await secrets.find("runlet/test/clusters/east")).toContain("certificate-authority-data");
  expect((await run(clusterCommand, "list")).out).toContain("secret:runlet/test/clusters/east");
  expect((await run(clusterCommand, "check", "east", "--json")).out).toContain('"lacking":[]');
  expect((await run(statusCommand)).out).toContain("no scale set is known yet");
  expect((await run(clusterCommand, "remove", "east")).code).toBe(0);
  expect(await secrets.find("runlet/test/clusters/east")).toBeUndefined();
});

test("the stage's webhook is found, and its secret tried and changed without the credential", async () => {
  // As the function does: each line of the stage's secret counts.
  const kept: { secrets?: PersonsAccount["secrets"] } = {};
  const server = createServer((request, response) => {
    void buffer(request).then(async (body) => {
      const text = (await kept.secrets?.find("runlet/test/webhook")) ?? "";
      const signature = String(request.headers["x-hub-signature-256"]);
      const secrets = text.split("\n").filter(Boolean);
      const good = (await verifySignature(secrets, body, signature)) !== undefined;
      response.writeHead(request.url !== "/webhook" ? 404 : good ? 202 : 401).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo; // a TCP listener has one
  const { home, run, secrets } = await setUp(`http://127.0.0.1:${port}/`);
  kept.secrets = secrets;
  const webhook = { url: `http://127.0.0.1:${port}/webhook`, secret: "one" };
  const service = createActionsServiceSimulator(
    { clock, random },
    { mode: "acquire", pat, webhook },
  );
  const { url, close } = await listen(service.app, 0);
  closing.push(close, () => service.stop());
  const [token, hook, scope] = [join(home, "token"), join(home, "hook"), `${url}/acme`];
  writeFileSync(token, pat);
  writeFileSync(hook, "one");
  const secret = ["--webhook-secret-file", hook];
  const added = await run(githubCommand, "add", scope, "--token-file", token, ...secret);
  expect(added.out).toContain("✓ webhook: GitHub sends to");
  // Functions that run know the secret before for some minutes: no mistake.
  expect([added.code, added.out]).toEqual([0, expect.stringContaining("? webhook secret:")]);
  expect(added.out).toContain("a new one counts within five minutes");
  const checked = await run(githubCommand, "check", scope);
  expect([checked.code, checked.out]).toEqual([0, expect.stringContaining("✓ webhook secret:")]);
  writeFileSync(hook, "two");
  const rotated = await run(githubCommand, "rotate", scope, ...secret);
  expect([rotated.code, rotated.out]).toEqual([0, expect.stringContaining("✓ webhook secret:")]);
  expect(await secrets.find("runlet/test/webhook")).toBe("two\none");
  expect(rotated.out).toContain("now write it at GitHub, too");
  const nothing = await run(githubCommand, "rotate", scope);
  expect([nothing.code, nothing.err]).toEqual([2, expect.stringContaining("--token-file")]);
});

test("a cluster at an address that no cluster has is refused before anything is kept", async () => {
  const { home, run, secrets } = await setUp();
  const kubeconfig = await startCluster(home);
  vi.stubEnv("RUNLET_ALLOW_LOOPBACK", "");
  const named = join(home, "named.yaml");
  writeFileSync(named, readFileSync(kubeconfig, "utf8").replace("127.0.0.1", "localhost"));
  // By its address, and by a name that leads there.
  for (const file of [kubeconfig, named]) {
    const { code, err } = await run(clusterCommand, "add", "east", "--kubeconfig", file);
    expect([code, err]).toEqual([1, expect.stringContaining("this machine's own address")]);
  }
  expect(await secrets.find("runlet/test/clusters/east")).toBeUndefined();
});

test("a stage that is not there, and keys that are missing, are said by name", async () => {
  await setUp();
  const absent = await runInProcess(clusterCommand, ["list", "--stage", "other"]);
  expect([absent.code, absent.err]).toEqual([
    1,
    expect.stringContaining("there is no function runlet-other-poller"),
  ]);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "");
  const keyless = await runInProcess(clusterCommand, ["list", "--stage", "test"]);
  expect([keyless.code, keyless.err]).toEqual([1, expect.stringContaining("AWS_ACCESS_KEY_ID")]);
});
