// Why: the sweep's stories play between a simulated GitHub, an empty table and a clock: what it asks, what it tells and
// what it counts is all there is to see.
import { generateKeyPairSync } from "node:crypto";
import { createActionsService } from "@runlet/actions-service/client";
import { createCipher } from "@runlet/coordination/cipher";
import type { ScopeCredential } from "@runlet/coordination/credentials";
import { createMemoryTable } from "@runlet/coordination/memory-table";
import { createRegistry, type ScaleSetRow } from "@runlet/coordination/registry";
import { runSweep, type SweepReport } from "@runlet/control-plane/sweep/run-sweep";
import { createKubernetesClient, type KubernetesClient } from "@runlet/kubernetes/client";
import { readCrds } from "@runlet/kubernetes/crds";
import { namespaces } from "@runlet/kubernetes/resources";
import { createLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { cloudSettings } from "@runlet/runtime/settings";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { composeControlPlane } from "@runlet/runlet/compose/control-plane";
import type { Webhook } from "@runlet/runlet/compose/webhook-sources";
import { runUntilEnded } from "@runlet/runlet/world/virtual-world";
import type { Knobs } from "@runlet/simulators/actions-service/knobs";
import { createActionsServiceSimulator } from "@runlet/simulators/actions-service/simulator";
import {
  createKubeApiSimulator,
  type KubeApiSimulator,
} from "@runlet/simulators/kube-api/simulator";
import { namespace } from "../poller/add-runner-set.ts";

export const scope = "https://github.com/acme";
const pat = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
const keys = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

/** Credentials that GitHub knows. */
export const good = {
  pat: { credential: { kind: "pat", token: pat } },
  app: {
    credential: { kind: "app", appId: "12", installationId: 77, privateKey: keys.privateKey },
  },
} as const satisfies Record<string, ScopeCredential>;

export interface Figure {
  name: string;
  value: number;
  label: string | undefined;
}

export async function createSweepWorld(
  options: { webhooks?: Webhook[]; knobs?: Partial<Knobs>; webhook?: () => number } = {},
) {
  const clock = createVirtualClock();
  const random = createSeededRandom(1);
  const service = createActionsServiceSimulator(
    { clock, random, deliver: async () => options.webhook?.() ?? 202 },
    {
      mode: "acquire",
      pat,
      baseUrl: "https://service.test",
      app: { ids: ["12"], installationIds: [77], publicKey: keys.publicKey },
      webhook: { url: "https://webhook.test", secret: "s" },
      ...(options.knobs && { knobs: options.knobs }),
    },
  );
  const figures: Figure[] = [];
  const note = (name: string, value: number, labels: object = {}) => {
    figures.push({ name, value, label: Object.values(labels).map(String)[0] });
  };
  const lines: { event: string; [field: string]: unknown }[] = [];
  const log = createLog({
    write: (line) => lines.push(JSON.parse(line)),
    wallMs: () => clock.wallMs(),
  });
  const table = createMemoryTable(() => clock.wallMs());
  const world = {
    /** What is registered for the scope; a function may throw. */
    credential: (): ScopeCredential | undefined => good.pat,
    /** The credentials whose way was taken, in order. */
    ways: [] as ScopeCredential[],
    /** The CA of each call to GitHub. */
    calledWith: [] as (string | undefined)[],
    invoked: [] as { shard: string; at: number }[],
    /** GitHub does not know the list's filter by status, as older servers. */
    isOld: false,
    /** What becomes of each list of failed webhooks, as text. */
    spoil: (text: string) => text,
    /** Clusters that answer, by name. */
    clusters: new Map<string, KubeApiSimulator>(),
  };
  const cipher = createCipher({ key: new Uint8Array(32), nonce: (bytes) => random.bytes(bytes) });
  const { sweep: deps } = await composeControlPlane({
    clock,
    random,
    log,
    table,
    invoker: {
      invoke: async ({ shard }) => void world.invoked.push({ shard, at: clock.nowMs() }),
    },
    credentials: { find: async () => world.credential() },
    fetchFor(credential) {
      world.ways.push(credential);
      return async (url, init) => {
        world.calledWith.push(credential.ca);
        const asked = world.isOld ? url.replace("status=failure&", "") : url;
        const answer = await service.fetch(asked, init);
        if (!url.includes("/deliveries?")) return answer;
        return new Response(world.spoil(await answer.text()), answer);
      };
    },
    async accessTo({ name }) {
      const api = world.clusters.get(name);
      const token = async () => api?.adminToken ?? "";
      return api && { server: `https://${name}`, token, fetch: api.fetch };
    },
    webhooks: options.webhooks ?? [],
    cipherFor: () => cipher,
    metrics: {
      count: (name, by = 1, labels) => note(name, by, labels),
      observe: note,
    },
    settings: cloudSettings,
  });
  const registry = createRegistry({ table, clock, random, log });
  const admin = createActionsService({
    clock,
    random,
    log,
    configUrl: scope,
    fetch: service.fetch,
    credential: async () => good.pat.credential,
    system: { name: "world", version: "0", subsystem: "world" },
    limitMs: 10_000,
  });

  async function addCluster(name: string): Promise<KubernetesClient> {
    const api = createKubeApiSimulator({ clock, random });
    api.applyManifests(readCrds());
    world.clusters.set(name, api);
    const access = {
      server: `https://${name}`,
      token: async () => api.adminToken,
      fetch: api.fetch,
    };
    const client = createKubernetesClient({ access, clock, userAgent: "world", limitMs: 10_000 });
    const labels = { "runlet.dev/managed": "true" };
    await client.create(namespaces, { metadata: { name: namespace, labels } });
    return client;
  }

  return Object.assign(world, {
    addCluster,
    findService: deps.findService,
    clock,
    service,
    lines,
    figures,
    registry,
    /** A scale set at GitHub; with a row of its own it is ours. */
    async addSet(name: string, isOurs: boolean): Promise<number> {
      const made = await admin.createScaleSet({ name, runnerGroupId: 1, labels: [name] });
      if (!made.ok) throw new Error(made.failure.message);
      if (isOurs) await registry.putScaleSet(rowOf(name, made.value.id), undefined);
      return made.value.id;
    },
    /** One sweep, and what it said and counted. */
    async sweep(limitMs = 60_000): Promise<SweepReport> {
      lines.length = 0;
      figures.length = 0;
      const run = runSweep(deps, new AbortController().signal);
      return runUntilEnded(clock, run, limitMs, "the sweep's end");
    },
    /** Values of a metric of the last sweep, with the label's value if it has one. */
    of(name: string): (number | [string, number])[] {
      return figures
        .filter((one) => one.name === name)
        .map(({ value, label }) => (label === undefined ? value : [label, value]));
    },
    asked: (route: string) =>
      service.control.requests().filter((request) => request.route === route).length,
  });
}

/** Its target stands in a cluster that nobody can reach, so the row stays. */
export function rowOf(name: string, scaleSetId: number): ScaleSetRow {
  return {
    key: `github.com/acme:${scaleSetId}`,
    scopeKey: "github.com/acme",
    configUrl: scope,
    scaleSetId,
    name,
    runnerGroup: "",
    labels: [name],
    shard: "shard-0",
    targets: [{ cluster: "east", namespace: "runners", autoscalingRunnerSet: name }],
    shared: false,
  };
}
