// Why: a GitHub Enterprise Server often has a certificate of the company's own CA. The reconciler must trust it because a
// ConfigMap holds it, and for that set only; over real TLS, since nothing else proves it. (The server mode does not matter.)
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCrds } from "@runlet/kubernetes/crds";
import type { AutoscalingRunnerSet } from "@runlet/kubernetes/resources";
import { composeReconciler } from "@runlet/reconciler/compose";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";
import { createSilentLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { createActionsServiceSimulator } from "@runlet/simulators/actions-service/simulator";
import { getServerCertificate } from "@runlet/simulators/kube-api/certificates";
import { listenApi } from "@runlet/simulators/kube-api/listen";
import { createKubeApiSimulator } from "@runlet/simulators/kube-api/simulator";
import { afterEach, expect, it } from "vitest";

const clock = createSystemClock();
const random = createSystemRandom();
const pat = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function startServer() {
  const folder = mkdtempSync(join(tmpdir(), "runlet-ca-"));
  ends.push(() => rmSync(folder, { recursive: true }));
  const certificate = await getServerCertificate(folder, clock.wallMs());
  const github = createActionsServiceSimulator({ clock, random }, { mode: "acquire", pat });
  const server = await listenApi(github.app, { port: 0, certificate });
  ends.push(() => server.close());
  return { github, caPem: certificate.caPem, port: server.port };
}

function startCluster(manifests: string) {
  const kube = createKubeApiSimulator({ clock, random });
  kube.applyManifests(readCrds());
  kube.applyManifests(manifests);
  const stop = new AbortController();
  const access = {
    server: "https://kube.test",
    token: async () => kube.adminToken,
    fetch: kube.fetch,
  };
  const reconciler = composeReconciler({
    clock,
    random,
    log: createSilentLog(),
    access,
    fetchFor: ({ caPem }) => createHttpFetch({ clock, ...(caPem ? { extraCa: [caPem] } : {}) }),
  });
  const ended = reconciler.run(stop.signal);
  ends.push(() => (stop.abort(new Error("the test is over")), ended));
  return kube;
}

const set = (name: string, port: number, more: string) => `
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingRunnerSet
metadata: { name: ${name}, namespace: runners }
spec:
  githubConfigUrl: https://127.0.0.1:${port}/my-org
  githubConfigSecret: github
  template: { spec: { containers: [{ name: runner, image: x }] } }
${more}
---
`;

it("a set that names its CA is served over TLS, one that does not is told that the service cannot be reached", async () => {
  const { github, caPem, port } = await startServer();
  const tls =
    "  githubServerTLS: { certificateFrom: { configMapKeyRef: { name: ca, key: ca.crt } } }";
  const kube = startCluster(`
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
kind: ConfigMap
metadata: { name: ca, namespace: runners }
data: { ca.crt: ${JSON.stringify(caPem)} }
---
${set("trusting", port, tls)}${set("doubting", port, "")}`);
  const served = (name: string) => {
    const key = { namespace: "runners", name };
    // The simulator holds what the API accepted.
    const found = kube.object(
      "actions.github.com/v1alpha1",
      "AutoscalingRunnerSet",
      key,
    ) as unknown;
    const conditions = (found as AutoscalingRunnerSet).status?.conditions ?? [];
    return conditions.find(({ type }) => type === "Registered");
  };
  const isTold = () => served("trusting") !== undefined && served("doubting") !== undefined;
  for (let waited = 0; !isTold() && waited < 15_000; waited += 50) await clock.sleep(50);
  expect(served("trusting")).toMatchObject({ status: "True" });
  expect(served("doubting")).toMatchObject({ status: "False", reason: "ServiceFailed" });
  expect(served("doubting")?.message).toContain("unreachable");
  expect(github.control.scaleSets().map(({ name }) => name)).toEqual(["trusting"]);
}, 30_000);
