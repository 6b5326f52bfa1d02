import { beforeAll, describe, expect, test } from "vitest";
import { charts, createHelm, objectsOf, oneOf, type Helm, type Rendered } from "./helm.ts";

/** The least that a user writes; ARC's names. */
const base = {
  githubConfigUrl: "https://github.com/my-org",
  githubConfigSecret: { github_token: "ghp_test" },
  controllerServiceAccount: { name: "runlet", namespace: "runlet-system" },
};
const image = "ghcr.io/actions/actions-runner:latest";
const command = ["/home/runner/run.sh"];
const claim = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
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

async function render(values: object, args: string[] = []): Promise<Rendered[]> {
  return objectsOf(await helm.render(charts.runnerSet, { ...base, ...values }, args));
}

interface Container {
  name: string;
  image?: string;
  env?: object[];
  volumeMounts?: object[];
}

interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  volumes?: object[];
  serviceAccountName: string;
  restartPolicy: string;
}

interface RunnerSetSpec extends Record<string, unknown> {
  template: { metadata?: object; spec: PodSpec };
}

const setOf = (objects: Rendered[]) => oneOf(objects, "AutoscalingRunnerSet");
const specOf = (objects: Rendered[]) => setOf(objects).spec as RunnerSetSpec;

async function podOf(values: object, args: string[] = []): Promise<PodSpec> {
  return specOf(await render(values, args)).template.spec;
}

async function refusal(values: object): Promise<string> {
  const args = ["template", "arc", charts.runnerSet, "--namespace", "runners"];
  const { ok, errors } = await helm.run(args, { ...base, ...values });
  return ok ? "accepted" : errors;
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

describe("the objects around it", () => {
  const names = (objects: Rendered[]) =>
    objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted();

  test("have ARC's names, labels and finalizers, so that a release of its chart can be upgraded", async () => {
    const objects = await render({});
    expect(names(objects)).toEqual([
      "AutoscalingRunnerSet arc",
      "Role arc-gha-rs-manager",
      "RoleBinding arc-gha-rs-manager",
      "Secret arc-gha-rs-github-secret",
      "ServiceAccount arc-gha-rs-no-permission",
    ]);
    for (const { kind, metadata } of objects) {
      expect(metadata.namespace).toBe("runners");
      expect(metadata.labels).toMatchObject({
        "app.kubernetes.io/name": "arc",
        "app.kubernetes.io/instance": "arc",
        "app.kubernetes.io/version": "0.14.2",
        "app.kubernetes.io/managed-by": "Helm",
        "app.kubernetes.io/part-of": "gha-rs",
        "actions.github.com/scale-set-name": "arc",
        "actions.github.com/scale-set-namespace": "runners",
      });
      const held = kind === "AutoscalingRunnerSet" ? [] : ["actions.github.com/cleanup-protection"];
      expect(metadata.finalizers ?? []).toEqual(held);
    }
    expect(setOf(objects).metadata.annotations).toEqual({
      "actions.github.com/values-hash": expect.stringMatching(/^[0-9a-f]{63}$/),
      "actions.github.com/cleanup-github-secret-name": "arc-gha-rs-github-secret",
      "actions.github.com/cleanup-manager-role-binding": "arc-gha-rs-manager",
      "actions.github.com/cleanup-manager-role-name": "arc-gha-rs-manager",
      "actions.github.com/cleanup-no-permission-service-account-name": "arc-gha-rs-no-permission",
    });
    expect(oneOf(objects, "RoleBinding")["subjects"]).toEqual([
      { kind: "ServiceAccount", ...base.controllerServiceAccount },
    ]);
  });

  test.each(["kubernetes", "kubernetes-novolume"])("in mode %s", async (type) => {
    const rule = { apiGroups: ["x"], resources: ["y"], verbs: ["get"] };
    const containerMode = {
      type,
      kubernetesModeWorkVolumeClaim: claim,
      kubernetesModeAdditionalRoleRules: [rule],
    };
    // Clouds give an identity to job pods by an annotation on their account.
    const annotations = { "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/jobs" };
    const resourceMeta = { kubernetesModeServiceAccount: { annotations } };
    const objects = await render({ containerMode, resourceMeta });
    expect(oneOf(objects, "ServiceAccount").metadata.annotations).toMatchObject(annotations);
    expect(names(objects)).toEqual([
      "AutoscalingRunnerSet arc",
      "Role arc-gha-rs-kube-mode",
      "Role arc-gha-rs-manager",
      "RoleBinding arc-gha-rs-kube-mode",
      "RoleBinding arc-gha-rs-manager",
      "Secret arc-gha-rs-github-secret",
      "ServiceAccount arc-gha-rs-kube-mode",
    ]);
    const hooks = objects.find(({ kind, metadata: { name } }) => {
      return kind === "Role" && name === "arc-gha-rs-kube-mode";
    });
    const resources = hooks?.rules?.flatMap((one) => one.resources);
    const jobs = type === "kubernetes" ? ["jobs"] : [];
    expect(resources).toEqual(["pods", "pods/exec", "pods/log", ...jobs, "secrets", "y"]);
    expect(setOf(objects).metadata.annotations).toMatchObject({
      "actions.github.com/cleanup-kubernetes-mode-role-binding-name": "arc-gha-rs-kube-mode",
      "actions.github.com/cleanup-kubernetes-mode-role-name": "arc-gha-rs-kube-mode",
      "actions.github.com/cleanup-kubernetes-mode-service-account-name": "arc-gha-rs-kube-mode",
    });
  });

  test("carry the user's labels and annotations, ours over them", async () => {
    const reserved = { "app.kubernetes.io/part-of": "me", "actions.github.com/x": "y" };
    const objects = await render({
      labels: { team: "a", since: 2024, ...reserved },
      annotations: { note: "all", "actions.github.com/cleanup-manager-role-name": "other" },
      resourceMeta: {
        managerRole: { labels: { team: "b" }, annotations: { note: "role" } },
        ephemeralRunner: { labels: { cost: "c" } },
        listenerRole: { annotations: { d: "e" } },
      },
    });
    for (const { kind, metadata } of objects) {
      const team = kind === "Role" ? "b" : "a";
      expect(metadata.labels).toMatchObject({ team, since: "2024" });
      expect(metadata.labels?.["app.kubernetes.io/part-of"]).toBe("gha-rs");
      expect(metadata.labels).not.toHaveProperty("actions.github.com/x");
      expect(metadata.annotations?.["note"]).toBe(kind === "Role" ? "role" : "all");
    }
    const cleanup = "actions.github.com/cleanup-manager-role-name";
    expect(setOf(objects).metadata.annotations?.[cleanup]).toBe("arc-gha-rs-manager");
    expect(specOf(objects)).toMatchObject({
      ephemeralRunnerMetadata: { labels: { cost: "c" } },
      listenerRoleMetadata: { annotations: { d: "e" } },
    });
  });
});

describe("credentials", () => {
  const secretOf = (objects: Rendered[]) => oneOf(objects, "Secret")["data"];
  const encoded = (text: string) => Buffer.from(text).toString("base64");

  test("a GitHub App, its ids as texts or as numbers", async () => {
    const githubConfigSecret = {
      github_app_id: 12_345_678,
      github_app_installation_id: "654321",
      github_app_private_key: "-----BEGIN\nkey\n",
      github_token: "",
      more: "passed through",
    };
    expect(secretOf(await render({ githubConfigSecret }))).toEqual({
      github_app_id: encoded("12345678"),
      github_app_installation_id: encoded("654321"),
      github_app_private_key: encoded("-----BEGIN\nkey\n"),
      more: encoded("passed through"),
    });
  });

  test("a Secret that is there already", async () => {
    const objects = await render({ githubConfigSecret: "mine" });
    expect(objects.map(({ kind }) => kind)).not.toContain("Secret");
    expect(specOf(objects)["githubConfigSecret"]).toBe("mine");
    const { annotations } = setOf(objects).metadata;
    expect(annotations).not.toHaveProperty("actions.github.com/cleanup-github-secret-name");
  });

  test("a changed token changes the hash on the set", async () => {
    const hash = async (token: string) => {
      const set = setOf(await render({ githubConfigSecret: { github_token: token } }));
      return set.metadata.annotations?.["actions.github.com/values-hash"];
    };
    expect(await hash("a")).not.toBe(await hash("b"));
  });
});

describe("the set's own fields", () => {
  test("pass through as ARC's chart passes them", async () => {
    const noProxy = ["a.example", "b.example"];
    const azureKeyVault = { url: "u", tenantId: "t", clientId: "c", certificatePath: "/p" };
    const spec = specOf(
      await render({
        githubConfigUrl: "https://github.com/my-org/",
        runnerScaleSetName: "my_builders",
        runnerGroup: "big",
        scaleSetLabels: ["linux", "x64"],
        minRunners: 0,
        maxRunners: 5.0,
        proxy: { http: server(1), https: server(2), noProxy },
        keyVault: { type: "azure_key_vault", azureKeyVault, proxy: { https: server(3) } },
        listenerTemplate: { spec: { containers: [{ name: "listener" }] } },
        listenerMetrics: { gauges: { gha_busy_runners: { labels: ["name"] } } },
      }),
    );
    expect(spec).toMatchObject({
      githubConfigUrl: "https://github.com/my-org",
      runnerScaleSetName: "my_builders",
      runnerGroup: "big",
      runnerScaleSetLabels: ["linux", "x64"],
      minRunners: 0,
      maxRunners: 5,
      proxy: { http: server(1), https: server(2), noProxy },
      vaultConfig: { type: "azure_key_vault", azureKeyVault, proxy: { https: server(3) } },
      listenerTemplate: { spec: { containers: [{ name: "listener" }] } },
      listenerMetrics: { gauges: { gha_busy_runners: { labels: ["name"] } } },
    });
  });

  test("what is not given is not there", async () => {
    const fields = Object.keys(specOf(await render({}))).toSorted();
    expect(fields).toEqual(["githubConfigSecret", "githubConfigUrl", "template"]);
  });

  test("an underscore in the name becomes a hyphen in the object's, and labels keep it", async () => {
    const objects = await render({ runnerScaleSetName: "my_builders" });
    expect(setOf(objects).metadata.name).toBe("my-builders");
    for (const { metadata } of objects) {
      expect(metadata.labels).toMatchObject({
        "app.kubernetes.io/name": "my_builders",
        "app.kubernetes.io/instance": "my_builders",
        "actions.github.com/scale-set-name": "my_builders",
      });
    }
  });

  test("sharing stands in annotations", async () => {
    const set = setOf(await render({ runlet: { share: true, priority: 0, weight: 2 } }));
    expect(set.metadata.annotations).toMatchObject({
      "runlet.dev/share": "true",
      "runlet.dev/priority": "0",
      "runlet.dev/weight": "2",
    });
    const { annotations = {} } = setOf(await render({})).metadata;
    expect(Object.keys(annotations).filter((key) => key.startsWith("runlet.dev/"))).toEqual([]);
  });

  test("another namespace", async () => {
    const objects = await render({ namespaceOverride: "elsewhere" });
    expect(new Set(objects.map(({ metadata }) => metadata.namespace))).toEqual(
      new Set(["elsewhere"]),
    );
  });
});

describe("what is refused, in words", () => {
  const noRunner = { spec: { containers: [{ name: "main", image: "a" }] } };
  test.each([
    ["no URL", { githubConfigUrl: "" }, /githubConfigUrl is required/],
    ["another scheme", { githubConfigUrl: "git@github.com:a/b" }, /\/githubConfigUrl/],
    ["no credential", { githubConfigSecret: { github_token: "" } }, /needs github_token, or/],
    ["half an App", { githubConfigSecret: { github_app_id: "1" } }, /needs github_app_installa/],
    ["an empty name of a Secret", { githubConfigSecret: "" }, /githubConfigSecret is empty/],
    ["46 characters", { runnerScaleSetName: "a".repeat(46) }, /runnerScaleSetName/],
    ["64 characters", { namespaceOverride: "a".repeat(64) }, /namespaceOverride/],
    ["a text for a number", { maxRunners: "5" }, /maxRunners.*want.*integer/s],
    ["a negative minimum", { minRunners: -1 }, /minRunners/],
    ["crossed limits", { minRunners: 5, maxRunners: 4 }, /minRunners 5 is more than maxRunners 4/],
    ["an empty label", { scaleSetLabels: [""] }, /scaleSetLabels\/0/],
    ["256 characters of label", { scaleSetLabels: ["a".repeat(256)] }, /scaleSetLabels\/0/],
    ["noProxy as a text", { proxy: { noProxy: "a,b" } }, /\/proxy\/noProxy/],
    ["a proxy without scheme", { proxy: { http: { url: "a:1" } } }, /\/proxy\/http\/url/],
    ["a mode that is none", { containerMode: { type: "kubernets" } }, /containerMode\/type/],
    ["no work volume", { containerMode: { type: "kubernetes" } }, /kubernetesModeWorkVolumeClaim/],
    ["another vault", { keyVault: { type: "aws" } }, /keyVault\/type/],
    ["no container runner", { template: noRunner }, /no container named \\?"runner\\?"/],
    ["half a CA", { githubServerTLS: { runnerMountPath: "/x" } }, /githubServerTLS needs/],
    ["a typing error", { maxRunner: 5 }, /maxRunner/],
    ["one in the template", { template: { containers: [] } }, /template.*containers/s],
    ["a number too large for a label", { labels: { a: 2 ** 60 } }, /labels\/a/],
    ["no reconciler to be found", { controllerServiceAccount: null }, /no reconciler of Runlet/],
  ])("%s", async (_, values, words) => {
    expect(await refusal(values)).toMatch(words);
  });

  test("a release's name counts as the scale set's", async () => {
    const args = ["template", "a".repeat(46), charts.runnerSet, "--namespace", "runners"];
    expect((await helm.run(args, base)).errors).toMatch(/46 characters: at most 45/);
  });
});

describe("golden renderings", () => {
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

test("helm lint finds nothing, with the default values and with all modes", async () => {
  expect((await helm.run(["lint", charts.runnerSet])).ok).toBe(true);
  const containerMode = { type: "kubernetes", kubernetesModeWorkVolumeClaim: claim };
  const linted = await helm.run(["lint", "--strict", charts.runnerSet], { ...base, containerMode });
  expect(linted.out).toContain("0 chart(s) failed");
});
