// Why: a runner's pod is what users see break when a controller is replaced. The manifests of the runner-set chart, one
// for each container mode, go through the whole reconciler; what it sends to the cluster is kept in golden/, to be read.
import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { EphemeralRunner } from "@runlet/kubernetes/resources";
import { runnerPod } from "@runlet/reconciler/runner-pod";
import { createWorld, namespace, nothing, pat, type World } from "./reconciler-world.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

/** What `helm template` gives (tests/cluster/golden), with a token that the simulator takes. */
function chartManifest(mode: string): string {
  const file = new URL(`../../cluster/golden/runner-set-${mode}.yaml`, import.meta.url);
  return readFileSync(file, "utf8").replace(/github_token: .*/, `github_token: ${base64(pat)}`);
}

/** What is in the user's hands beside the chart. */
const given = `
apiVersion: v1
kind: Secret
metadata: { name: auth, namespace: ${namespace} }
data: { username: ${base64("me")}, password: ${base64("p4ss")} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: ghes, namespace: ${namespace} }
data: { ca.crt: ${JSON.stringify(rootCertificates[0])} }
`;

async function serve(manifest: string): Promise<World> {
  const world = createWorld();
  world.kube.applyManifests(given);
  world.kube.applyManifests(manifest);
  await world.clock.runUntil(() => world.runnerSetOf("arc") !== undefined, 5_000, "the set");
  world.github.control.queueJobs({ scaleSet: "arc", durationMs: 20_000 });
  await world.order("arc", 1, 1);
  const runs = () => world.runners()[0]?.status?.phase === "Running";
  await world.clock.runUntil(runs, 10_000, "the runner");
  return world;
}

/** The pod as it is sent, with names and hashes that differ from world to world made equal. */
function sentPod(runner: EphemeralRunner | undefined): string {
  if (!runner) throw new Error("there is no runner");
  const text = stringify(runnerPod(runner, "VERSION"), { lineWidth: 0 });
  return text
    .replaceAll(runner.metadata.name, "RUNNER")
    .replaceAll(runner.metadata.uid ?? "", "UID")
    .replaceAll(/arc-[a-z0-9]{5}\b/g, "SET")
    .replaceAll(/(hash: ).*/g, "$1HASH");
}

describe("what is sent as a runner's pod for the chart's container modes", () => {
  const modes = [
    "default",
    "dind",
    "dind-1.28",
    "kubernetes",
    "kubernetes-novolume",
    "proxy",
    "ca",
  ];
  for (const mode of modes) {
    it(`${mode}: is as kept, runs a job, and leaves nothing`, async () => {
      const world = await serve(chartManifest(mode));
      const [runner] = world.runners();
      await expect(sentPod(runner)).toMatchFileSnapshot(`golden/pod-${mode}.yaml`);
      const asSent = JSON.parse(JSON.stringify(runner && runnerPod(runner, "0.1.0"))) as object;
      expect(world.pods()[0]).toMatchObject(asSent);
      await world.clock.runFor(30_000);
      expect(world.github.control.ledger().jobs[0]?.outcome).toBe("succeeded");
      expect(world.runners()).toEqual([]);
      expect(world.pods()).toEqual([]);
      await world.deleteSet("arc");
      await world.clock.runFor(20_000);
      expect(world.autoscaling()).toEqual([]);
      expect(world.leftovers()).toEqual(nothing);
    });
  }

  it("a GitHub Enterprise Server behind a private CA is served the same way", async () => {
    const onServer = chartManifest("ca").replace("https://github.com/", "https://ghes.example/");
    const world = await serve(onServer);
    expect(world.runners()[0]?.spec.githubConfigUrl).toBe("https://ghes.example/my-org");
    const asked = world.github.control.requests().map(({ path }) => path);
    expect(asked.filter((path) => path.startsWith("/api/v3/")).length).toBeGreaterThan(0);
    await world.clock.runFor(30_000);
    expect(world.github.control.ledger().jobs[0]?.outcome).toBe("succeeded");
    expect(world.leftovers()).toEqual(nothing);
  });
});

const handMade = (podSpec: string) => `
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingRunnerSet
metadata: { name: arc, namespace: ${namespace} }
spec:
  githubConfigUrl: https://github.com/my-org
  githubConfigSecret: github-secret
  template:
    metadata: { labels: { team: blue }, annotations: { note: kept } }
    spec:
${podSpec.trim().replaceAll(/^/gm, "      ")}
`;

describe("what is sent as a runner's pod for a template written by hand", () => {
  it("hook-template: the job pods' template is mounted and named, as the user wrote it", async () => {
    const world = await serve(
      handMade(`
containers:
  - name: runner
    image: ghcr.io/actions/actions-runner:latest
    command: [/home/runner/run.sh]
    env:
      - { name: ACTIONS_RUNNER_CONTAINER_HOOKS, value: /home/runner/k8s/index.js }
      - { name: ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE, value: /home/runner/hook/content }
    volumeMounts: [{ name: hook-template, mountPath: /home/runner/hook, readOnly: true }]
volumes: [{ name: hook-template, configMap: { name: hook-template } }]`),
    );
    await expect(sentPod(world.runners()[0])).toMatchFileSnapshot("golden/pod-hook-template.yaml");
  });

  it("restricted: a template that keeps to the Pod Security level keeps to it in the pod", async () => {
    const world = await serve(handMade(restricted));
    await expect(sentPod(world.runners()[0])).toMatchFileSnapshot("golden/pod-restricted.yaml");
  });

  it("fields that nobody knows yet reach the cluster, wherever they stand", async () => {
    const world = await serve(
      handMade(`
futureOfPods: { depth: [1, { two: null }] }
containers:
  - { name: side, image: x, futureOfSides: 1 }
  - { name: runner, image: x, futureOfRunners: true }`),
    );
    const sent = sentPod(world.runners()[0]);
    for (const field of ["futureOfPods", "futureOfSides: 1", "futureOfRunners: true", "two: null"])
      expect(sent).toContain(field);
  });
});

/** https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted */
const restricted = `
securityContext: { runAsNonRoot: true, seccompProfile: { type: RuntimeDefault } }
containers:
  - name: runner
    image: ghcr.io/actions/actions-runner:latest
    command: [/home/runner/run.sh]
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }`;
