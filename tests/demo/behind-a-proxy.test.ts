// Why: in many companies GitHub is behind a proxy that wants a password. Both programs that talk to it, the control plane
// and the reconciler, must go that way with every call, and the runners are told of it. (The server mode does not matter.)
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createKubernetesClient } from "@runlet/kubernetes/client";
import { readCrds } from "@runlet/kubernetes/crds";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSilentLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { listen } from "@runlet/simulators/actions-service/listen";
import { createActionsServiceSimulator } from "@runlet/simulators/actions-service/simulator";
import { getServerCertificate } from "@runlet/simulators/kube-api/certificates";
import { renderKubeconfig } from "@runlet/simulators/kube-api/kubeconfig";
import { listenApi } from "@runlet/simulators/kube-api/listen";
import { createKubeApiSimulator } from "@runlet/simulators/kube-api/simulator";
import { createKubelet } from "@runlet/simulators/kubelet/kubelet";
import { afterEach, expect, it } from "vitest";
import { follow, killPrograms, newHome, root, type Program } from "./run-program.ts";

const clock = createSystemClock();
const random = createSystemRandom();
const pat = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
const [user, password] = ["me", "p@ss"];
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
  await killPrograms();
});

/** Passes requests with the right password on to `port` of this machine, whatever host they name. */
async function startProxy(port: number) {
  const seen = { asked: new Set<string>(), refused: 0 };
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  const server = createServer((incoming, outgoing) => {
    const { "proxy-authorization": authorization, ...headers } = incoming.headers;
    if (authorization !== expected) {
      seen.refused++;
      outgoing.writeHead(407).end();
      return;
    }
    const { host, pathname, search } = new URL(incoming.url ?? "");
    seen.asked.add(`${host} ${pathname.split("/").at(-1) ?? ""}`);
    const { method } = incoming;
    const on = request({ port, method, path: `${pathname}${search}`, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    on.on("error", () => outgoing.destroy());
    outgoing.on("close", () => on.destroy());
    incoming.pipe(on);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  ends.push(() => (server.closeAllConnections(), server.close()));
  // A listening TCP server has an address with a port.
  return { seen, port: (server.address() as AddressInfo).port };
}

async function startCluster(home: string, service: ReturnType<typeof startService>) {
  const api = createKubeApiSimulator({ clock, random });
  api.applyManifests(readCrds());
  const certificate = await getServerCertificate(join(home, "kube-api"), clock.wallMs());
  const server = await listenApi(api.app, { port: 0, certificate });
  ends.push(() => server.close());
  const kubeconfig = join(home, "east.yaml");
  const { caPem } = certificate;
  writeFileSync(
    kubeconfig,
    renderKubeconfig({ name: "east", server: server.url, caPem, token: api.adminToken }),
    {
      mode: 0o600,
    },
  );
  const access = {
    server: "https://kube.test",
    token: async () => api.adminToken,
    fetch: api.fetch,
  };
  const client = createKubernetesClient({ access, clock, userAgent: "kubelet", limitMs: 10_000 });
  const log = createSilentLog();
  const kubelet = createKubelet({ clock, random, log, client, fetch: service.fetch });
  ends.push(() => kubelet.stop());
  return { api, kubeconfig };
}

function startService() {
  const knobs = { assignWithoutSession: true };
  return createActionsServiceSimulator({ clock, random }, { mode: "acquire", pat, knobs });
}

const manifests = (proxyPort: number) => `
apiVersion: v1
kind: Namespace
metadata: { name: runners, labels: { runlet.dev/managed: "true" } }
---
apiVersion: v1
kind: Secret
metadata: { name: github, namespace: runners }
stringData: { github_token: ${pat} }
---
apiVersion: v1
kind: Secret
metadata: { name: proxy-user, namespace: runners }
stringData: { username: ${user}, password: "${password}" }
---
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingRunnerSet
metadata: { name: linux, namespace: runners }
spec:
  githubConfigUrl: http://ghes.test/acme
  githubConfigSecret: github
  proxy: { http: { url: "http://127.0.0.1:${proxyPort}", credentialSecretRef: proxy-user } }
  template: { spec: { containers: [{ name: runner, image: r, command: [/home/runner/run.sh] }] } }
`;

function start(home: string, program: string, args: string[]) {
  const child = spawn(process.execPath, [join(root, program), ...args], {
    cwd: home,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, RUNLET_HOME: home },
  });
  return follow(child, 60_000);
}

it(
  "a job runs although every call to GitHub must go through a proxy with a password",
  { timeout: 60_000 },
  async () => {
    const home = newHome();
    const service = startService();
    const listening = await listen(service.app, 0);
    ends.push(() => listening.close());
    const proxy = await startProxy(Number(new URL(listening.url).port));
    const { api, kubeconfig } = await startCluster(home, service);
    api.applyManifests(manifests(proxy.port));
    const way = `http://${user}:${encodeURIComponent(password)}@127.0.0.1:${proxy.port}`;
    const credential = join(home, "github.json");
    writeFileSync(credential, JSON.stringify({ github_token: pat, proxy: way }), { mode: 0o600 });

    const flags = ["--kubeconfig", kubeconfig, "--probe-port", "0"];
    const reconciler = start(home, "packages/reconciler/main.ts", flags);
    await until(() => service.control.scaleSets().length === 1, reconciler);
    const github = `http://ghes.test/acme=${credential}`;
    const args = ["local", "--kubeconfig", `east=${kubeconfig}`, "--github", github];
    const local = start(home, "packages/runlet/main.ts", args);
    service.control.queueJobs({ scaleSet: "linux", durationMs: 200 });
    await until(() => service.control.ledger().counts.completed === 1, local);

    const runnerProxies = api
      .objects("v1", "Secret")
      .filter(({ metadata }) => metadata.name.endsWith("-runner-proxy"));
    expect(runnerProxies).toHaveLength(1);
    expect(local.err()).toContain("serving 1 scale set in 1 cluster; looking again each minute");
    for (const call of ["registration-token", "generatejitconfig", "sessions", "messages"]) {
      expect(proxy.seen.asked).toContain(`ghes.test ${call}`);
    }
    expect(proxy.seen.refused).toBe(0);
  },
);

/** Looks every 100 ms; a program's output says why it did not come true. */
async function until(done: () => boolean, program: Program): Promise<void> {
  for (let look = 0; look < 300 && !done(); look++) await clock.sleep(100);
  if (!done()) throw new Error(`not within 30 s; it said:\n${program.out()}${program.err()}`);
}
