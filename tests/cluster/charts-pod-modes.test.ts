import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { charts, createHelm, type Helm } from "./helm.ts";
import { base, claim, image, renderSet, setOf, specOf, type PodSpec } from "./render-runner-set.ts";

const command = ["/home/runner/run.sh"];
const tls = { certificateFrom: { configMapKeyRef: { name: "ghes", key: "ca.crt" } } };
const mountedTls = { ...tls, runnerMountPath: "/usr/local/share/ca-certificates/" };
const server = (port: number) => ({
  url: `http://proxy.example:${port}`,
  credentialSecretRef: "auth",
});

let helm: Helm;
beforeAll(async () => {
  helm = await createHelm();
});
afterAll(() => helm?.close());

const render = (values: object, args?: string[]) => renderSet(helm, values, args);

async function podOf(values: object, args: string[] = []): Promise<PodSpec> {
  return specOf(await render(values, args)).template.spec;
}

/** What each container mode makes of the default template (ARC 0.14.2, charts/gha-runner-scale-set). */
const dindEnv = [
  { name: "DOCKER_HOST", value: "unix:///var/run/docker.sock" },
  { name: "RUNNER_WAIT_FOR_DOCKER_IN_SECONDS", value: "120" },
];
const work = { name: "work", mountPath: "/home/runner/_work" };
const socket = { name: "dind-sock", mountPath: "/var/run" };
const dindRunner = { name: "runner", image, command, env: dindEnv, volumeMounts: [work, socket] };
const externals = {
  name: "init-dind-externals",
  image,
  command: ["cp"],
  args: ["-r", "/home/runner/externals/.", "/home/runner/tmpDir/"],
  volumeMounts: [{ name: "dind-externals", mountPath: "/home/runner/tmpDir" }],
};
const dind = {
  name: "dind",
  image: "docker:dind",
  args: ["dockerd", "--host=unix:///var/run/docker.sock", "--group=$(DOCKER_GROUP_GID)"],
  env: [{ name: "DOCKER_GROUP_GID", value: "123" }],
  securityContext: { privileged: true },
  volumeMounts: [work, socket, { name: "dind-externals", mountPath: "/home/runner/externals" }],
};
const sidecar = {
  ...dind,
  restartPolicy: "Always",
  startupProbe: {
    exec: { command: ["docker", "info"] },
    initialDelaySeconds: 0,
    failureThreshold: 24,
    periodSeconds: 5,
  },
};
const hookEnv = (folder: string) => [
  { name: "ACTIONS_RUNNER_CONTAINER_HOOKS", value: `/home/runner/${folder}/index.js` },
  { name: "ACTIONS_RUNNER_POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
  { name: "ACTIONS_RUNNER_REQUIRE_JOB_CONTAINER", value: "true" },
];
const dindVolumes = ["dind-sock", "dind-externals", "work"].map((name) => ({ name, emptyDir: {} }));
const noPermission = {
  restartPolicy: "Never",
  serviceAccountName: "arc-gha-rs-no-permission",
};
const kubeMode = { restartPolicy: "Never", serviceAccountName: "arc-gha-rs-kube-mode" };

describe("container modes, as ARC's chart renders them", () => {
  test("none", async () => {
    const containers = [{ name: "runner", image, command }];
    expect(await podOf({})).toEqual({ ...noPermission, containers });
    // Values files often have it empty.
    expect(await podOf({ containerMode: { type: "" } })).toEqual({ ...noPermission, containers });
  });

  test("dind as a side-car where the server knows side-cars", async () => {
    const expected = {
      ...noPermission,
      initContainers: [externals, sidecar],
      containers: [dindRunner],
      volumes: dindVolumes,
    };
    const values = { containerMode: { type: "dind" } };
    expect(await podOf(values)).toEqual(expected);
    // As managed clusters call themselves.
    expect(await podOf(values, ["--kube-version", "v1.29.4-gke.1043002"])).toEqual(expected);
  });

  test("dind as a second container below Kubernetes 1.29", async () => {
    const values = { containerMode: { type: "dind" } };
    expect(await podOf(values, ["--kube-version", "1.28.5"])).toEqual({
      ...noPermission,
      initContainers: [externals],
      containers: [dindRunner, dind],
      volumes: dindVolumes,
    });
  });

  test("kubernetes", async () => {
    const containerMode = { type: "kubernetes", kubernetesModeWorkVolumeClaim: claim };
    const env = hookEnv("k8s");
    expect(await podOf({ containerMode })).toEqual({
      ...kubeMode,
      containers: [{ name: "runner", image, command, env, volumeMounts: [work] }],
      volumes: [{ name: "work", ephemeral: { volumeClaimTemplate: { spec: claim } } }],
    });
  });

  test("kubernetes-novolume", async () => {
    const env = [...hookEnv("k8s-novolume"), { name: "ACTIONS_RUNNER_IMAGE", value: image }];
    expect(await podOf({ containerMode: { type: "kubernetes-novolume" } })).toEqual({
      ...kubeMode,
      containers: [{ name: "runner", image, command, env, volumeMounts: [] }],
      volumes: [],
    });
  });

  test.each(["", "dind", "kubernetes", "kubernetes-novolume"])(
    "a CA with a mount path, in mode %j",
    async (type) => {
      const containerMode = { type, kubernetesModeWorkVolumeClaim: claim };
      const pod = await podOf({ containerMode, githubServerTLS: mountedTls });
      const file = "/usr/local/share/ca-certificates/ca.crt";
      const runner = pod.containers.find(({ name }) => name === "runner");
      expect(runner?.env?.slice(-2)).toEqual([
        { name: "NODE_EXTRA_CA_CERTS", value: file },
        { name: "RUNNER_UPDATE_CA_CERTS", value: "1" },
      ]);
      const mount = { name: "github-server-tls-cert", mountPath: file, subPath: "ca.crt" };
      expect(runner?.volumeMounts?.at(-1)).toEqual(mount);
      expect(pod.volumes?.[0]).toEqual({
        name: "github-server-tls-cert",
        configMap: { name: "ghes", items: [{ key: "ca.crt", path: "ca.crt" }] },
      });
    },
  );

  test("a CA without a mount path is for the reconciler alone", async () => {
    const objects = await render({ githubServerTLS: tls });
    expect(specOf(objects)["githubServerTLS"]).toEqual(tls);
    const containers = [{ name: "runner", image, command }];
    expect(specOf(objects).template.spec).toEqual({ ...noPermission, containers });
  });
});

describe("the user's template", () => {
  const own = {
    nodeSelector: { disk: "ssd" },
    restartPolicy: "OnFailure",
    serviceAccountName: "mine",
    hostUsers: false,
    aFieldOfTomorrow: { kept: true },
    initContainers: [{ name: "first", image: "a" }],
    volumes: [
      { name: "cache", emptyDir: {} },
      { name: "work", hostPath: { path: "/data" } },
    ],
  };

  test("is kept, fields included that nobody knows yet", async () => {
    const containers = [
      { name: "side", image: "b" },
      { name: "runner", image: "c", workingDir: "/w" },
    ];
    const template = { metadata: { labels: { team: "a" } }, spec: { ...own, containers } };
    const objects = await render({ template });
    expect(specOf(objects).template).toEqual(template);
    expect(objects.map(({ kind }) => kind)).not.toContain("ServiceAccount");
    const annotations = setOf(objects).metadata.annotations ?? {};
    expect(Object.keys(annotations).filter((key) => key.includes("service-account"))).toEqual([]);
  });

  test("with an account of its own needs no other, in any mode", async () => {
    const spec = { containers: [{ name: "runner", image }], serviceAccountName: "mine" };
    const containerMode = { type: "kubernetes", kubernetesModeWorkVolumeClaim: claim };
    const objects = await render({ containerMode, template: { spec } });
    expect(objects.map(({ metadata }) => metadata.name)).not.toContain("arc-gha-rs-kube-mode");
    expect(specOf(objects).template.spec.serviceAccountName).toBe("mine");
  });

  test("wins over what a mode adds, by name", async () => {
    const env = [{ name: "DOCKER_HOST", value: "tcp://mine:1" }];
    const volumeMounts = [{ name: "work", mountPath: "/mine" }];
    const runner = { name: "runner", image: "c", env, volumeMounts };
    const containers = [{ name: "dind", image: "mine" }, { name: "side", image: "b" }, runner];
    const pod = await podOf({
      containerMode: { type: "dind" },
      template: { spec: { ...own, containers } },
    });
    expect(pod.containers).toEqual([
      { ...runner, env: [...env, dindEnv[1]], volumeMounts: [...volumeMounts, socket] },
      { name: "side", image: "b" },
    ]);
    expect(pod.initContainers?.map(({ name }) => name)).toEqual([
      "init-dind-externals",
      "dind",
      "first",
    ]);
    expect(pod.initContainers?.[0]?.image).toBe("c");
    expect(pod.volumes).toEqual([...dindVolumes.slice(0, 2), own.volumes[1], own.volumes[0]]);
  });

  test("may have an own dind side-car", async () => {
    const mine = {
      name: "dind",
      image: "registry.example/docker:28-dind",
      restartPolicy: "Always",
    };
    const containers = [{ name: "runner", image }];
    const pod = await podOf({
      containerMode: { type: "dind" },
      template: { spec: { containers, initContainers: [mine] } },
    });
    expect(pod.initContainers).toEqual([externals, mine]);
  });
});

describe("golden renderings", () => {
  const app = {
    github_app_id: "123456",
    github_app_installation_id: "654321",
    github_app_private_key: "a key in PEM",
  };
  const containerMode = (type: string) => ({
    containerMode: { type, kubernetesModeWorkVolumeClaim: claim },
  });
  test.each([
    ["default", {}],
    ["dind", containerMode("dind")],
    ["kubernetes", containerMode("kubernetes")],
    ["kubernetes-novolume", containerMode("kubernetes-novolume")],
    ["proxy", { proxy: { http: server(1), https: server(2), noProxy: ["a.example"] } }],
    ["ca", { githubServerTLS: mountedTls }],
    ["app", { githubConfigSecret: app }],
    ["predefined-secret", { githubConfigSecret: "mine" }],
  ])("%s", async (name, values) => {
    const text = await helm.render(charts.runnerSet, { ...base, ...values });
    await expect(text).toMatchFileSnapshot(`golden/runner-set-${name}.yaml`);
  });

  test("dind below Kubernetes 1.29", async () => {
    const args = ["--kube-version", "1.28.5"];
    const text = await helm.render(charts.runnerSet, { ...base, ...containerMode("dind") }, args);
    await expect(text).toMatchFileSnapshot("golden/runner-set-dind-1.28.yaml");
  });
});
