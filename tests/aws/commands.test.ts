// Why: the command line works on a deployed stage over the same adapters as its functions; it finds the stage's table by
// asking the poller what it was told. DynamoDB Local, moto and an answer of Lambda's stand for the account.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
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

async function setUp(): Promise<PersonsAccount> {
  const account = await openAccount();
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

test("a cluster at an address that no cluster has is refused before anything is kept", async () => {
  const { home, run, secrets } = await setUp();
  const kubeconfig = await startCluster(home);
  vi.stubEnv("RUNLET_ALLOW_LOOPBACK", "");
  const { code, err } = await run(clusterCommand, "add", "east", "--kubeconfig", kubeconfig);
  expect([code, err]).toEqual([1, expect.stringContaining("this machine's own address")]);
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
