// Why: docs/recover.md, on what is deployed: the bundles in processes, a table that is really deleted, keys and secrets of
// another stage. tests/stories/recover has the bounds, under a clock that can be trusted to the millisecond.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openArtifactStage, type ArtifactStage } from "@runlet/runlet/artifacts/artifact-stage";
import { adoptCluster } from "@runlet/runlet/commands/cluster-adopt";
import type { Place } from "@runlet/runlet/commands/place";
import { annotations, type EphemeralRunnerSet } from "@runlet/kubernetes/resources";
import type { ProcessFunctions } from "@runlet/runlet/world/functions-in-processes";
import { createSocketTransport } from "@runlet/runlet/world/transport-sockets";
import { createWorld, type FunctionParts, type World } from "@runlet/runlet/world/world";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSystemRandom } from "@runlet/runtime/random";
import { demoSettings } from "@runlet/runtime/settings";
import { afterEach, beforeEach, expect, test } from "vitest";
import { placeOfWorld } from "../stories/world/place-of-world.ts";
import { dynamodbUrl } from "./dynamodb.ts";
import { motoUrl } from "./moto.ts";

const clock = createSystemClock();
const random = createSystemRandom();
const shared = { name: "linux", clusters: ["east", "west"], minRunners: 0, maxRunners: 10 };
const sessionLapseMs = 6_000;

let home: string;
const ending: (() => Promise<void>)[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "runlet-aws-recover-"));
});
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
  rmSync(home, { recursive: true, force: true });
});

function openStage(name: string): Promise<ArtifactStage> {
  const stage = `${name}-${crypto.randomUUID().slice(0, 8)}`;
  const places = { dynamodbUrl: dynamodbUrl(), motoUrl: motoUrl() };
  const options = { ...places, stage, home: join(home, name), webhookPort: 0, allowLoopback: true };
  return openArtifactStage({ clock, random, say: () => {} }, options);
}

/** A world on `stage.now`, and what another stage's functions are made from. */
async function openWorld(stage: { now: ArtifactStage }) {
  const transport = await createSocketTransport({ clock }, { home, servicePort: 0, tls: true });
  const kept: { parts?: FunctionParts } = {};
  const world = await createWorld<ProcessFunctions>(
    {
      clock,
      random,
      table: stage.now.table,
      transport,
      authenticate: (cluster, token) => stage.now.authenticate(cluster, token),
      createFunctions(parts) {
        kept.parts = parts;
        return stage.now.createFunctions(parts, transport);
      },
    },
    {
      mode: "auto-assign",
      settings: { ...demoSettings, restAfterMs: undefined },
      clusters: shared.clusters,
      scaleSets: [shared],
      knobs: { holdMs: 1_000, sessionLapseMs },
    },
  );
  const { parts } = kept;
  if (!parts) throw new Error("the world has made no functions");
  return { world, parts, transport };
}

async function until(done: () => boolean, limitMs: number, what: string): Promise<void> {
  const end = clock.nowMs() + limitMs;
  while (!done()) {
    if (clock.nowMs() > end) throw new Error(`${what} did not come true within ${limitMs} ms`);
    await clock.sleep(50);
  }
}

const jobsIn = ({ service }: World, state: string) =>
  service.control.ledger().jobs.filter((job) => job.state === state).length;

const told = ({ recorder }: World) =>
  recorder.lines().filter(({ event }) => event === "target_of_another_installation").length;

function fencesOf({ clusters }: World): string[] {
  return [...clusters.values()].flatMap(({ api }) =>
    api
      .objects("actions.github.com/v1alpha1", "EphemeralRunnerSet")
      // `as`: the store holds what was written as this kind.
      .map((set) => (set as unknown as EphemeralRunnerSet).metadata.annotations)
      .map((all) => all?.[annotations.fence]?.split(":")[0] ?? ""),
  );
}

/** Whoever types has rights of their own: the functions' are bound to the roles of their stage. */
function placeOfPerson(world: World, { table }: ArtifactStage): Place {
  return {
    ...placeOfWorld(world, table),
    async accessTo({ name }) {
      const cluster = world.clusters.get(name);
      const access = cluster?.access("runlet-control-plane");
      const token = async () => cluster?.api.adminToken ?? "";
      return access && { ...access, token, close: () => {} };
    },
  };
}

test(
  "a stage dies with its table; another one leaves its sets alone until it is told to adopt them, then runs every job",
  { timeout: 180_000 },
  async () => {
    const stage = { now: await openStage("first") };
    const { world, parts, transport } = await openWorld(stage);
    ending.push(() => world.stop());
    await world.start();
    await until(() => world.service.control.sessions().length === 1, 30_000, "a session");
    world.service.control.queueJobs({ scaleSet: "linux", count: 4, durationMs: 6_000 });
    await until(() => jobsIn(world, "running") === 4, 30_000, "four running jobs");
    await world.functions.stop();
    await stage.now.stop();
    world.service.control.queueJobs({ scaleSet: "linux", count: 4, durationMs: 500 });
    await until(() => jobsIn(world, "completed") === 4, 20_000, "the end of what ran");
    const before = fencesOf(world);

    stage.now = await openStage("second");
    const { table } = stage.now;
    ending.push(() => stage.now.stop());
    const functions = await stage.now.createFunctions({ ...parts, table }, transport);
    ending.push(() => functions.stop());
    functions.startSweeping();
    await until(() => told(world) >= 2, sessionLapseMs + 30_000, "both sets to be refused");
    expect(fencesOf(world)).toEqual(before);
    expect(jobsIn(world, "completed")).toBe(4);

    const place = placeOfPerson(world, stage.now);
    for (const name of shared.clusters) {
      const call = { names: [name], values: { yes: true }, tell: () => {} };
      const { failed } = await adoptCluster.run({ ...call, open: async () => place });
      expect(failed).toBe(false);
    }
    await until(() => jobsIn(world, "completed") === 8, 30_000, "every job");
    const { jobs } = world.service.control.ledger();
    expect(jobs.every(({ outcome }) => outcome === "succeeded")).toBe(true);
    const owners = new Set(fencesOf(world));
    expect([owners.size, owners.has(before[0] ?? "")]).toEqual([1, false]);
  },
);
