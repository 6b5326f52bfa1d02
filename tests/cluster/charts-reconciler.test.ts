import { join } from "node:path";
import { parseFlags } from "@runlet/reconciler/flags";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { charts, createHelm, objectsOf, oneOf, type Helm, type Rendered } from "./helm.ts";

const base = { image: { repository: "registry.example/runlet" } };
const runnerSet = {
  githubConfigUrl: "https://github.com/my-org",
  githubConfigSecret: "mine",
  controllerServiceAccount: { name: "runlet", namespace: "runlet-system" },
};

let helm: Helm;
beforeAll(async () => {
  helm = await createHelm();
});
afterAll(() => helm?.close());

async function render(values: object = {}): Promise<Rendered[]> {
  return objectsOf(await helm.render(charts.reconciler, { ...base, ...values }));
}

interface Container {
  image: string;
  args: string[];
  env?: object[];
  ports: { name: string; containerPort: number }[];
  resources: object;
  securityContext: object;
  volumeMounts: object[];
}

interface PodSpec extends Record<string, unknown> {
  containers: [Container];
  volumes: object[];
}

function podOf(objects: Rendered[]): PodSpec {
  const spec = oneOf(objects, "Deployment").spec as { template: { spec: PodSpec } };
  return spec.template.spec;
}

function flagsOf(objects: Rendered[]) {
  const flags = parseFlags(podOf(objects).containers[0].args);
  if (flags === "help") throw new Error("the chart asks for help");
  return flags;
}

const kinds = (objects: Rendered[]) => objects.map(({ kind }) => kind).toSorted();

describe("the reconciler's command line", () => {
  test("with the default values", async () => {
    const objects = await render();
    expect(flagsOf(objects)).toEqual({
      namespaces: [],
      excludedLabelPrefixes: [],
      probePort: 8081,
      election: { name: "arc-runlet" },
      updateStrategy: "immediate",
      logLevel: "info",
    });
    const leases = objects.find(({ metadata }) => metadata.name === "arc-runlet-leader-election");
    expect(leases?.rules?.at(-1)).toMatchObject({ resourceNames: ["arc-runlet"] });
  });

  test("with ARC's values that apply", async () => {
    const objects = await render({
      metrics: { controllerManagerAddr: ":9090" },
      flags: {
        logLevel: "debug",
        watchSingleNamespace: "runners",
        excludeLabelPropagationPrefixes: ["argocd.argoproj.io/instance"],
        healthProbeBindAddress: ":9091",
        updateStrategy: "eventual",
      },
    });
    expect(flagsOf(objects)).toMatchObject({
      namespaces: ["runners"],
      excludedLabelPrefixes: ["argocd.argoproj.io/instance"],
      probePort: 9091,
      metrics: { port: 9090 },
      updateStrategy: "eventual",
      logLevel: "debug",
    });
    const ports = podOf(objects).containers[0].ports;
    expect(ports).toEqual([
      { name: "probes", containerPort: 9091 },
      { name: "metrics", containerPort: 9090 },
    ]);
  });
});

describe("its pod", () => {
  test("is hardened", async () => {
    const pod = podOf(await render());
    expect(pod["securityContext"]).toEqual({
      runAsNonRoot: true,
      runAsUser: 65_532,
      runAsGroup: 65_532,
      seccompProfile: { type: "RuntimeDefault" },
    });
    const [container] = pod.containers;
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(container.resources).toHaveProperty("limits.memory");
    expect(container.image).toBe("registry.example/runlet:0.1.0");
  });

  test("takes what ARC's chart takes", async () => {
    const given = {
      imagePullSecrets: [{ name: "pull" }],
      priorityClassName: "high",
      nodeSelector: { disk: "ssd" },
      tolerations: [{ key: "a", operator: "Exists" }],
      affinity: { nodeAffinity: {} },
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "zone" }],
      terminationGracePeriodSeconds: 60,
    };
    const inContainer = {
      env: [{ name: "A", value: "b" }],
      resources: { limits: { cpu: "1" } },
    };
    const volumes = [{ name: "more", emptyDir: {} }];
    const volumeMounts = [{ name: "more", mountPath: "/more" }];
    const objects = await render({
      ...given,
      ...inContainer,
      volumes,
      volumeMounts,
      podLabels: { team: "a", "app.kubernetes.io/part-of": "me" },
      podAnnotations: { note: "b" },
      labels: { all: "c" },
    });
    const pod = podOf(objects);
    expect(pod).toMatchObject(given);
    expect(pod.containers[0]).toMatchObject(inContainer);
    expect(pod.volumes).toEqual([{ name: "tmp", emptyDir: {} }, ...volumes]);
    expect(pod.containers[0].volumeMounts).toEqual([
      { name: "tmp", mountPath: "/tmp" },
      ...volumeMounts,
    ]);
    for (const { metadata } of objects) expect(metadata.labels).toMatchObject({ all: "c" });
    const template = oneOf(objects, "Deployment").spec?.["template"];
    expect(template).toMatchObject({
      metadata: {
        labels: { team: "a", "app.kubernetes.io/part-of": "runlet" },
        annotations: { note: "b" },
      },
    });
  });
});

describe("what it is given", () => {
  const role = (objects: Rendered[], name: string) =>
    objects.find(({ kind, metadata }) => kind.endsWith("Role") && metadata.name === name);
  const resources = (found: Rendered | undefined) =>
    found?.rules?.flatMap((rule) => rule.resources.map((one) => `${one} ${rule.verbs.join(" ")}`));

  test("in the whole cluster it sees, and makes no pod and reads no Secret", async () => {
    const objects = await render();
    expect(kinds(objects)).toEqual([
      "ClusterRole",
      "ClusterRole",
      "ClusterRoleBinding",
      "Deployment",
      "NetworkPolicy",
      "PodDisruptionBudget",
      "Role",
      "RoleBinding",
      "ServiceAccount",
    ]);
    expect(oneOf(objects, "ClusterRoleBinding")["roleRef"]).toMatchObject({ name: "arc-runlet" });
    const cluster = resources(role(objects, "arc-runlet"));
    expect(cluster).toContain("pods list watch");
    expect(cluster?.filter((one) => /^(secrets|configmaps)/.test(one))).toEqual([]);
    expect(resources(role(objects, "arc-runlet-runners"))).toContain("pods get create delete");
  });

  test("with namespaces there is no ClusterRole", async () => {
    const objects = await render({
      namespaces: ["a", "b"],
      flags: { watchSingleNamespace: "a" },
    });
    expect(kinds(objects).filter((kind) => kind.startsWith("Cluster"))).toEqual([]);
    expect(flagsOf(objects).namespaces).toEqual(["a", "b"]);
    const places = objects.filter(({ metadata }) => metadata.name === "arc-runlet");
    const roles = places.filter(({ kind }) => kind === "Role");
    expect(roles.map(({ metadata }) => metadata.namespace)).toEqual(["a", "b"]);
    expect(resources(roles[0])).toContain("secrets get list create patch delete");
    expect(oneOf(objects, "Deployment").metadata.annotations).toEqual({
      "runlet.dev/namespaces": "a,b",
    });
  });

  test("the control plane's role on demand, for an account or a group", async () => {
    const own = await render({ poller: { create: true } });
    const name = "arc-runlet-control-plane";
    const binding = (objects: Rendered[]) =>
      objects.filter(({ kind, metadata }) => kind.endsWith("Binding") && metadata.name === name);
    expect(binding(own)[0]?.["subjects"]).toEqual([
      { kind: "ServiceAccount", name, namespace: "runners" },
    ]);
    expect(resources(role(own, name))).toContain("ephemeralrunnersets get patch");
    const grouped = await render({ poller: { create: true, group: "runlet" }, namespaces: ["a"] });
    expect(binding(grouped).map(({ kind, metadata }) => [kind, metadata.namespace])).toEqual([
      ["RoleBinding", "a"],
    ]);
    expect(binding(grouped)[0]?.["subjects"]).toMatchObject([{ kind: "Group", name: "runlet" }]);
  });

  test("an account that is there already", async () => {
    const objects = await render({ serviceAccount: { create: false, name: "mine" } });
    expect(kinds(objects)).not.toContain("ServiceAccount");
    expect(podOf(objects)["serviceAccountName"]).toBe("mine");
    expect(oneOf(objects, "Deployment").metadata.labels).toMatchObject({
      "actions.github.com/controller-service-account-name": "mine",
      "actions.github.com/controller-service-account-namespace": "runners",
    });
  });
});

describe("what stands around it", () => {
  test("one replica needs no budget", async () => {
    expect(kinds(await render({ replicaCount: 1 }))).not.toContain("PodDisruptionBudget");
  });

  test("monitoring, on demand", async () => {
    const values = {
      metrics: { controllerManagerAddr: ":8080" },
      podMonitor: { create: true, labels: { release: "prometheus" } },
      prometheusRule: { create: true },
      dashboard: { create: true },
    };
    const objects = await render(values);
    expect(oneOf(objects, "Service").spec).toMatchObject({ clusterIP: "None" });
    expect(oneOf(objects, "PodMonitor").metadata.labels).toMatchObject({ release: "prometheus" });
    expect(oneOf(objects, "PrometheusRule").spec).toHaveProperty("groups.0.rules.0.alert");
    const { metadata, data } = oneOf(objects, "ConfigMap") as Rendered & { data: object };
    expect(metadata.labels).toMatchObject({ grafana_dashboard: "1" });
    const [text] = Object.values(data) as string[];
    expect(JSON.parse(text ?? "")).toMatchObject({ title: "Runlet" });
    expect(oneOf(objects, "NetworkPolicy").spec?.["ingress"]).toEqual([
      { ports: [{ port: "metrics", protocol: "TCP" }] },
    ]);
  });

  test("without metrics nobody may reach it", async () => {
    expect(oneOf(await render(), "NetworkPolicy").spec).toMatchObject({
      policyTypes: ["Ingress"],
      ingress: [],
    });
  });
});

describe("what is refused, in words", () => {
  const account = { create: true, name: "default" };
  test.each([
    ["no image", { image: { repository: "" } }, /no image of Runlet is published/],
    ["the account default", { serviceAccount: account }, /must not be "default"/],
    ["no account", { serviceAccount: { create: false } }, /serviceAccount.name must name/],
    ["a level that is none", { flags: { logLevel: "trace" } }, /flags\/logLevel/],
    ["an address without port", { metrics: { controllerManagerAddr: "x" } }, /controllerManagerAd/],
    ["alerts without metrics", { prometheusRule: { create: true } }, /need metrics.controllerMan/],
    ["a name of no namespace", { namespaces: ["A"] }, /namespaces\/0/],
    ["a typing error", { replicas: 2 }, /replicas/],
  ])("%s", async (_, values, words) => {
    const args = ["template", "runlet", charts.reconciler];
    const { ok, errors } = await helm.run(args, { ...base, ...values });
    expect(ok ? "accepted" : errors.replaceAll('\\"', '"')).toMatch(words);
  });
});

test("a packaged chart is whole: what stands elsewhere in the repository is in it", async () => {
  const { dir } = helm;
  const packed: [string, string, object][] = [
    [charts.reconciler, "runlet-0.1.0.tgz", { ...base, poller: { create: true } }],
    [charts.runnerSet, "runlet-runner-set-0.1.0.tgz", runnerSet],
  ];
  for (const [chart, file, values] of packed) {
    expect((await helm.run(["package", chart, "--destination", dir])).ok).toBe(true);
    const rendered = await helm.render(chart, values, ["--include-crds"]);
    expect(await helm.render(join(dir, file), values, ["--include-crds"])).toBe(rendered);
  }
});

test("two releases in one namespace have no object in common", async () => {
  const namesOf = async (release: string) => {
    const args = ["template", release, charts.reconciler, "--namespace", "runners"];
    const { out } = await helm.run(args, { ...base, namespaces: ["a"], poller: { create: true } });
    return objectsOf(out).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  };
  const first = new Set(await namesOf("east"));
  expect((await namesOf("west")).filter((name) => first.has(name))).toEqual([]);
});

test("ARC's values without meaning are accepted, and named in the notes", async () => {
  const values = {
    metrics: {
      controllerManagerAddr: ":8080",
      listenerAddr: ":8080",
      listenerEndpoint: "/metrics",
    },
    pprof: { addr: ":6060" },
    flags: {
      logFormat: "text",
      runnerMaxConcurrentReconciles: 2,
      rateLimiter: { name: "bucket_rate_limiter" },
      k8sClientRateLimiterQPS: 20,
      k8sClientRateLimiterBurst: 30,
    },
  };
  const args = ["install", "runlet", charts.reconciler, "--dry-run=client"];
  const { out, errors } = await helm.run(args, { ...base, ...values });
  expect(errors).toBe("");
  const notes = out.slice(out.indexOf("NOTES:"));
  for (const name of ["listenerAddr", "pprof.addr", ...Object.keys(values.flags)]) {
    expect(notes).toContain(name);
  }
  const plain = await helm.run(args, { ...base, flags: { logFormat: "json" } });
  expect(plain.out).not.toContain("Values without effect");
});

test("helm lint finds nothing, and the rendering is the golden one", async () => {
  expect((await helm.run(["lint", charts.reconciler])).out).toContain("0 chart(s) failed");
  const linted = await helm.run(["lint", "--strict", charts.reconciler], base);
  expect(linted.out).toContain("0 chart(s) failed");
  const text = await helm.render(charts.reconciler, base);
  await expect(text).toMatchFileSnapshot("golden/reconciler-default.yaml");
  const named = await helm.render(charts.reconciler, { ...base, namespaces: ["a"] });
  await expect(named).toMatchFileSnapshot("golden/reconciler-named-namespaces.yaml");
});
