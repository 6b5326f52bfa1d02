import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { charts, createHelm, oneOf, type Helm, type Rendered } from "./helm.ts";
import { base, claim, renderSet, setOf, specOf } from "./render-runner-set.ts";

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

async function refusal(values: object): Promise<string> {
  const args = ["template", "arc", charts.runnerSet, "--namespace", "runners"];
  const { ok, errors } = await helm.run(args, { ...base, ...values });
  return ok ? "accepted" : errors;
}

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
    ["nothing given", { githubConfigUrl: "", controllerServiceAccount: null }, /githubConfigUrl/],
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

test("helm lint finds nothing, with the default values and with all modes", async () => {
  expect((await helm.run(["lint", charts.runnerSet])).ok).toBe(true);
  const containerMode = { type: "kubernetes", kubernetesModeWorkVolumeClaim: claim };
  const linted = await helm.run(["lint", "--strict", charts.runnerSet], { ...base, containerMode });
  expect(linted.out).toContain("0 chart(s) failed");
});
