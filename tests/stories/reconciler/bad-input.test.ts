// What a user writes wrong is said once, on the object, with the field; it costs no hot loop, no other set notices, and
// it is served as soon as it is right. The CRDs here are older than ours, which would have refused most of it.
import { describe, expect, it } from "vitest";
import {
  annotations,
  autoscalingRunnerSets,
  configMaps,
  secrets,
  type Condition,
} from "@runlet/kubernetes/resources";
import { corporateCa } from "./corporate-ca.ts";
import { installOlderCrds } from "./older-crds.ts";
import {
  applyNamespace,
  createWorld,
  namespace,
  nothing,
  runnerSetManifest,
  type World,
} from "./reconciler-world.ts";

type Spec = Record<string, unknown>;

const setOf = (world: World, name: string) =>
  world.autoscaling().find(({ metadata }) => metadata.name === name);
const conditionOf = (world: World, type: string, name = "builders"): Condition | undefined =>
  setOf(world, name)?.status?.conditions?.find((one) => one.type === type);
const warnings = (world: World) => world.events().map(({ reason }) => reason);

async function change(world: World, spec: Spec, name = "builders") {
  await world.admin.patch(
    autoscalingRunnerSets,
    { namespace, name },
    { type: "merge", body: { spec } },
  );
}

/** A cluster that takes any spec but still keeps conditions. */
async function openWorld(spec: Spec): Promise<World> {
  const world = createWorld({ start: false });
  await installOlderCrds(world, { conditions: true });
  world.kube.applyManifests(runnerSetManifest("builders"));
  await change(world, spec);
  world.start();
  await world.serve("others", "  runnerScaleSetName: others");
  return world;
}

const template = { spec: { containers: [{ name: "runner", image: "x" }] } };
const tls = { certificateFrom: { configMapKeyRef: { name: "ca", key: "ca.crt" } } };
const proxyWith = (server: Spec) => ({ proxy: { https: server } });

/** What is wrong, the reason, words that must be said, and how it is mended. */
const blocking: readonly (readonly [Spec, string, RegExp, Spec])[] = [
  [{ template: null }, "NoRunnerContainer", /spec\.template.*"runner"/, { template }],
  [
    { template: { spec: { containers: [{ name: "other", image: "x" }] } } },
    "NoRunnerContainer",
    /spec\.template.*"runner"/,
    { template },
  ],
  [
    { vaultConfig: { type: "azure_key_vault" } },
    "VaultNotSupported",
    /spec\.vaultConfig.*githubConfigSecret/,
    { vaultConfig: null },
  ],
  [
    { runnerScaleSetLabels: ["ok", ""] },
    "InvalidLabel",
    /runnerScaleSetLabels\[1\]/,
    { runnerScaleSetLabels: null },
  ],
  [
    { githubConfigUrl: "https://github.com/a/b/c" },
    "InvalidConfigUrl",
    /path segments/,
    { githubConfigUrl: "https://github.com/my-org" },
  ],
  [
    { githubConfigUrl: null },
    "InvalidConfigUrl",
    /is empty/,
    { githubConfigUrl: "https://github.com/my-org" },
  ],
  [
    { githubConfigSecret: null },
    "CredentialUnusable",
    /githubConfigSecret is not set/,
    { githubConfigSecret: "github-secret" },
  ],
  [proxyWith({ url: "proxy:3128" }), "CredentialUnusable", /proxy\.https\.url/, { proxy: null }],
  [proxyWith({ url: "socks5://x:1" }), "CredentialUnusable", /proxy\.https\.url/, { proxy: null }],
  [
    proxyWith({ url: "http://x:1", credentialSecretRef: "none" }),
    "CredentialUnusable",
    /https\.credentialSecretRef.*none does not exist/,
    { proxy: null },
  ],
  [
    proxyWith({ url: "http://x:1", credentialSecretRef: "github-secret" }),
    "CredentialUnusable",
    /lacks username and password/,
    { proxy: null },
  ],
  [
    { githubServerTLS: tls },
    "CredentialUnusable",
    /githubServerTLS.*ca does not exist or has no key ca\.crt/,
    { githubServerTLS: null },
  ],
  [
    { runnerGroup: "nowhere" },
    "RunnerGroupNotFound",
    /"nowhere".*spec\.runnerGroup/,
    { runnerGroup: null },
  ],
];

describe("a set that cannot be served", () => {
  it.each(blocking)(
    "%j: %s, said once; served when mended",
    async (spec, reason, words, mended) => {
      const world = await openWorld(spec);
      await world.clock.runFor(200_000);
      expect(warnings(world)).toEqual([reason]);
      expect(world.events()[0]?.message).toMatch(words);
      expect(conditionOf(world, "Registered")).toMatchObject({ status: "False", reason });
      expect(conditionOf(world, "Registered")?.message).toMatch(words);
      expect(world.runnerSetOf("builders")).toBeUndefined();
      expect(conditionOf(world, "Registered", "others")).toMatchObject({ status: "True" });
      expect(world.kube.auditLog().length).toBeLessThan(200);
      await change(world, mended);
      await world.clock.runFor(3_000);
      expect(conditionOf(world, "Registered")).toMatchObject({
        status: "True",
        reason: "Registered",
      });
      expect(world.runnerSetOf("builders")).toBeDefined();
      await world.deleteSet("builders");
      await world.deleteSet("others");
      await world.clock.runFor(10_000);
      expect(world.autoscaling()).toEqual([]);
      expect(world.github.control.scaleSets()).toEqual([]);
    },
  );

  it("for its CA: no PEM is said, and a ConfigMap that is mended is found within a minute", async () => {
    const world = await openWorld({ githubServerTLS: tls });
    const map = (text: string) => ({
      metadata: { name: "ca", namespace },
      data: { "ca.crt": text },
    });
    await world.admin.create(configMaps, map("not a certificate"));
    await world.clock.runFor(70_000);
    expect(conditionOf(world, "Registered")?.message).toMatch(
      /config map .*ca.*no certificate.*PEM/,
    );
    await world.admin.patch(
      configMaps,
      { namespace, name: "ca" },
      { type: "merge", body: map(corporateCa) },
    );
    await world.clock.runFor(70_000);
    expect(conditionOf(world, "Registered")).toMatchObject({ status: "True" });
  });

  it("for its name: one that is no label value", async () => {
    const world = createWorld();
    world.kube.applyManifests(runnerSetManifest("x".repeat(64)));
    await world.clock.runFor(60_000);
    expect(warnings(world)).toEqual(["NameTooLong"]);
    expect(world.events()[0]?.message).toContain("64 characters; use at most 63");
    world.kube.applyManifests(runnerSetManifest("y".repeat(63), "  runnerScaleSetName: longest"));
    await world.clock.runFor(5_000);
    expect(world.runnerSets()).toHaveLength(1);
  });
});

describe("a set that is served all the same", () => {
  const reserved = { labels: { "actions.github.com/scale-set-name": "other", mine: "x" } };
  const fence = { annotations: { [annotations.fence]: "me:9", note: "y" } };
  const served: readonly (readonly [Spec, string, RegExp])[] = [
    [{ minRunners: 5, maxRunners: 2 }, "MinAboveMax", /minRunners 5 .*maxRunners 2/],
    [{ minRunners: -1 }, "NegativeLimit", /spec\.minRunners is -1/],
    [{ ephemeralRunnerMetadata: reserved }, "ReservedKey", /scale-set-name.*ignored/],
    [{ ephemeralRunnerSetMetadata: fence }, "ReservedKey", /runlet\.dev\/fence.*ignored/],
  ];
  it.each(served)("%j: %s, said once", async (spec, reason, words) => {
    const world = await openWorld(spec);
    await world.clock.runFor(120_000);
    expect(warnings(world)).toEqual([reason]);
    expect(conditionOf(world, "Registered")).toMatchObject({ status: "True" });
    expect(conditionOf(world, "Healthy")).toMatchObject({ status: "False", reason });
    expect(conditionOf(world, "Healthy")?.message).toMatch(words);
    await world.order("builders", 1, 1);
    await world.clock.runFor(3_000);
    const [runner] = world.runners();
    expect(runner?.metadata.labels?.["actions.github.com/scale-set-name"]).toBe("builders");
    expect(world.runnerSetOf("builders")?.metadata.annotations?.[annotations.fence]).toBe("0");
  });
});

describe("objects that make no sense", () => {
  it("without a spec, without an owner: they are passed over and stop nobody", async () => {
    const world = createWorld({ start: false });
    await installOlderCrds(world, { conditions: true });
    for (const kind of [
      "AutoscalingRunnerSet",
      "EphemeralRunnerSet",
      "EphemeralRunner",
      "AutoscalingListener",
    ]) {
      world.kube.applyManifests(
        `{ apiVersion: actions.github.com/v1alpha1, kind: ${kind}, metadata: { name: odd, namespace: ${namespace} } }`,
      );
    }
    world.start();
    await world.serve("builders");
    await world.order("builders", 2, 1);
    await world.clock.runFor(5_000);
    const running = world.runners().filter(({ status }) => status?.phase === "Running");
    expect(running).toHaveLength(2);
    expect(conditionOf(world, "Registered", "odd")).toMatchObject({ status: "False" });
    expect(world.kube.auditLog().length).toBeLessThan(150);
  });
});

describe("the Secret of a set that is served", () => {
  const key = { namespace, name: "github-secret" };
  const data = (values: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(values).map(([name, text]) => [name, Buffer.from(text).toString("base64")]),
    );
  const troubles: readonly (readonly [string, (world: World) => Promise<unknown>, RegExp])[] = [
    ["deleted", (world) => world.admin.remove(secrets, key), /github-secret does not exist/],
    [
      "emptied",
      (world) => world.admin.patch(secrets, key, { type: "merge", body: { data: null } }),
      /neither github_token nor/,
    ],
    [
      "filled with wrong keys",
      (world) =>
        world.admin.patch(secrets, key, {
          type: "merge",
          body: { data: { github_token: null, ...data({ github_app_id: "1" }) } },
        }),
      /lacks github_app_installation_id, github_app_private_key/,
    ],
  ];
  it.each(troubles)(
    "%s: runners go on, it is said, and mended within 70 seconds",
    async (...row) => {
      const [, spoil, words] = row;
      const world = createWorld();
      await world.serve("builders");
      world.github.control.queueJobs({ scaleSet: "builders", durationMs: 2 * 3_600_000 });
      await world.order("builders", 1, 1);
      await world.clock.runFor(5_000);
      await spoil(world);
      // The admin token is good for an hour; then the Secret is read again.
      await world.clock.runFor(2 * 3_600_000 - 60_000);
      expect(world.pods()).toHaveLength(1);
      expect(
        warnings(world).filter((reason) => reason === "CredentialUnusable").length,
      ).toBeLessThan(4);
      expect(conditionOf(world, "Registered")).toMatchObject({
        status: "False",
        reason: "CredentialUnusable",
      });
      expect(conditionOf(world, "Registered")?.message).toMatch(words);
      const asked = () =>
        world.github.control.requests().filter(({ route }) => !route.startsWith("runner")).length;
      const before = asked();
      await world.clock.runFor(50_000);
      expect(asked() - before).toBeLessThan(5);
      await world.admin.remove(secrets, key).catch(() => {});
      applyNamespace(world.kube, namespace, true);
      await world.clock.runFor(70_000);
      expect(conditionOf(world, "Registered")).toMatchObject({ status: "True" });
      expect(world.github.control.ledger().counts).toMatchObject({ completed: 1 });
      expect(world.leftovers()).toEqual(nothing);
    },
  );
});
