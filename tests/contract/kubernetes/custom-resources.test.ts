import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actions, openTestServer, type TestServer } from "./test-server.ts";

let server: TestServer;
let namespace: string;
let count = 0;
beforeAll(async () => {
  server = await openTestServer();
  namespace = await server.namespace();
});
afterAll(() => server.close());

const meta = { labels: { team: "blue" }, annotations: { "example.com/note": "x" } };
const proxyServer = { url: "http://proxy:3128", credentialSecretRef: "proxy" };
const proxy = { http: proxyServer, https: proxyServer, noProxy: ["10.0.0.0/8"] };
const metrics = { a: { labels: ["name"] } };
const pod = (name: string) => ({
  metadata: meta,
  spec: {
    restartPolicy: "Never",
    containers: [{ name, image: "x", resources: { limits: { cpu: 1 } } }],
    tolerations: [{ operator: "Exists" }],
  },
});

/** Every field that ARC 0.14.2 knows (autoscalingrunnerset_types.go), each with a meaning. */
const everything = {
  githubConfigUrl: "https://github.com/my-org",
  githubConfigSecret: "github-secret",
  runnerGroup: "Default",
  runnerScaleSetName: "builders",
  runnerScaleSetLabels: ["linux", "gpu"],
  minRunners: 1,
  maxRunners: 5,
  proxy,
  githubServerTLS: { certificateFrom: { configMapKeyRef: { name: "ca", key: "ca.crt" } } },
  vaultConfig: {
    type: "azure_key_vault",
    azureKeyVault: { url: "u", tenantId: "t", clientId: "c", certificatePath: "p" },
    proxy,
  },
  template: pod("runner"),
  listenerTemplate: pod("listener"),
  listenerMetrics: {
    counters: metrics,
    gauges: metrics,
    histograms: { a: { labels: ["name"], buckets: [0.5, 1] } },
  },
  autoscalingListener: meta,
  listenerServiceAccountMetadata: meta,
  listenerRoleMetadata: meta,
  listenerRoleBindingMetadata: meta,
  listenerConfigSecretMetadata: meta,
  ephemeralRunnerSetMetadata: meta,
  ephemeralRunnerMetadata: meta,
  ephemeralRunnerConfigSecretMetadata: meta,
};

const create = (spec: unknown, name = `set-${++count}`) =>
  server.post(actions(namespace, "autoscalingrunnersets"), {
    apiVersion: "actions.github.com/v1alpha1",
    kind: "AutoscalingRunnerSet",
    metadata: { name },
    ...(spec === undefined ? {} : { spec }),
  });

describe("an AutoscalingRunnerSet", () => {
  it("keeps every field of ARC as it was written", async () => {
    const { status, body } = await create(everything);
    expect(status).toBe(201);
    expect(body.spec).toEqual(everything);
  });

  it("is taken with the least that means something", async () => {
    const { githubConfigUrl, githubConfigSecret, template } = everything;
    expect((await create({ githubConfigUrl, githubConfigSecret, template })).status).toBe(201);
    const direct = { http: { url: "" }, https: { url: "socks5://proxy:1080" } };
    expect((await create({ ...everything, proxy: direct, minRunners: 5 })).status).toBe(201);
  });

  const wrong: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
    ["a negative minimum", { minRunners: -1 }, /spec\.minRunners.*greater than or equal to 0/],
    ["a negative maximum", { maxRunners: -1 }, /spec\.maxRunners.*greater than or equal to 0/],
    ["a config URL without a scheme", { githubConfigUrl: "github.com/x" }, /githubConfigUrl/],
    ["an empty secret name", { githubConfigSecret: "" }, /githubConfigSecret.*1 chars long/],
    ["an empty label", { runnerScaleSetLabels: ["a", ""] }, /runnerScaleSetLabels\[1\]/],
    [
      "a label that is too long",
      { runnerScaleSetLabels: ["x".repeat(256)] },
      /runnerScaleSetLabels\[0\].*more than 255/,
    ],
    ["a proxy that is no URL", { proxy: { http: { url: "proxy:3128" } } }, /proxy\.http\.url/],
  ];
  it.each(wrong)("is refused with %s", async (_what, change, words) => {
    const { status, body } = await create({ ...everything, ...change });
    expect(status).toBe(422);
    expect(body["message"]).toMatch(words);
  });

  const reserved = { labels: { "actions.github.com/scale-set-name": "x" } };
  const byRule: readonly (readonly [string, Record<string, unknown> | undefined, RegExp])[] = [
    ["a minimum above the maximum", { minRunners: 6 }, /minRunners must not be above maxRunners/],
    ["no template", { template: undefined }, /container named "runner"/],
    ["no container called runner", { template: pod("other") }, /container named "runner"/],
    ["no config URL", { githubConfigUrl: undefined }, /githubConfigUrl and githubConfigSecret/],
    ["reserved labels", { ephemeralRunnerMetadata: reserved }, /reserved/],
    ["no spec", undefined, /spec is missing/],
  ];
  // The simulator has no CEL; there the reconciler says the same (tests/stories/reconciler/bad-input.test.ts).
  it.each(byRule)("on a real server is refused with %s", async (_what, change, words) => {
    if (!server.real) return expect(words).toBeInstanceOf(RegExp);
    const { status, body } = await create(change && { ...everything, ...change });
    expect(status).toBe(422);
    return expect(body["message"]).toMatch(words);
  });

  it("on a real server is refused with a name that is no label value", async () => {
    const { status, body } = await create(everything, "x".repeat(64));
    if (!server.real) return expect(status).toBe(201);
    expect(status).toBe(422);
    return expect(body["message"]).toMatch(/at most 63 characters/);
  });
});

describe("an EphemeralRunnerSet", () => {
  it("takes no order for less than none", async () => {
    const order = (spec: unknown) =>
      server.post(actions(namespace, "ephemeralrunnersets"), {
        apiVersion: "actions.github.com/v1alpha1",
        kind: "EphemeralRunnerSet",
        metadata: { name: `ers-${++count}` },
        spec,
      });
    expect((await order({ replicas: 0, patchID: 0 })).status).toBe(201);
    expect((await order({ replicas: -1, patchID: 0 })).status).toBe(422);
    expect((await order({ replicas: 1, patchID: -1 })).status).toBe(422);
    expect((await order({ replicas: 1 })).status).toBe(422);
  });
});
