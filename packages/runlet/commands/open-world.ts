// Why: demo and start play in the same world of processes and sockets; this puts it together. The functions are this
// machine's, with state in SQLite, or the bundles of a stage on AWS, as the flags say.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createSqliteTable } from "@runlet/coordination/sqlite-table";
import { openStateFile } from "@runlet/coordination/state-file";
import type { Table } from "@runlet/coordination/table";
import type { Clock } from "@runlet/runtime/clock";
import { createSeededRandom, createSystemRandom } from "@runlet/runtime/random";
import { demoSettings, type Settings } from "@runlet/runtime/settings";
import { checkPort } from "../local/check-port.ts";
import { claimFolder } from "../local/claim-folder.ts";
import { createProcessFunctions, type ProcessFunctions } from "../world/functions-in-processes.ts";
import { planScenario, type ScenarioPlan } from "../world/plan-scenario.ts";
import { createSocketTransport, type SocketTransport } from "../world/transport-sockets.ts";
import { createWorld, type World, type WorldDeps } from "../world/world.ts";
import type { PlayFlags } from "./play-flags.ts";

export interface OpenWorld {
  world: World<ProcessFunctions>;
  plan: ScenarioPlan;
  transport: SocketTransport;
  settings: Settings;
  stop(): Promise<void>;
}

export interface OpenWorldDeps {
  clock: Clock;
  /** Takes a line about what takes long. */
  say?: (line: string) => void;
  /** Takes each line of the functions' and reconcilers' logs. */
  onLine?: (line: string) => void;
}

/** The jobs of a demo are spread over this long: time enough for hand-overs, rests and every fault. */
const spreadMs = 16_000;

/** A world whose files are in `home`, which is emptied first. */
export async function openWorld(
  deps: OpenWorldDeps,
  flags: PlayFlags,
  home: string,
): Promise<OpenWorld> {
  const { clock } = deps;
  const settings = demoSettings;
  const plan = planScenario(createSeededRandom(flags.seed), {
    jobs: flags.jobs,
    scaleSets: flags.scaleSets,
    clusters: flags.clusters,
    faults: flags.faults,
    leaseMs: settings.leaseMs,
    spreadMs: flags.jobs === 1 ? 500 : spreadMs,
  });
  await checkPort("port", flags.servicePort);
  await checkPort("webhook-port", flags.webhookPort);
  const release = claimFolder(home);
  emptyFolder(home);
  const ground = flags.artifacts
    ? await openStage(deps, flags, home)
    : await openMachine(deps, flags, home);
  const { transport } = ground;
  const world = await createWorld<ProcessFunctions>(
    { ...ground, clock, random: createSystemRandom() },
    {
      mode: flags.mode,
      settings,
      clusters: plan.clusters,
      scaleSets: plan.scaleSets,
      // The service holds a poll for a second instead of fifty, and forgets a silent session in six.
      knobs: { holdMs: 1_000, sessionLapseMs: 6_000 },
      ...(deps.onLine && { onLine: deps.onLine }),
    },
  );
  return {
    world,
    plan,
    transport,
    settings,
    async stop() {
      await world.stop();
      await ground.stop();
      release();
    },
  };
}

/** What a world stands on. */
interface Ground extends Pick<
  WorldDeps<ProcessFunctions>,
  "table" | "createFunctions" | "authenticate"
> {
  transport: SocketTransport;
  table: Table;
  stop(): Promise<void>;
}

/** The sources, with state in a file. */
async function openMachine(
  { clock }: OpenWorldDeps,
  { servicePort, webhookPort }: PlayFlags,
  home: string,
): Promise<Ground> {
  const busy = { clock, random: createSystemRandom() };
  const transport = await createSocketTransport({ clock }, { home, servicePort });
  const file = await openStateFile(busy, join(home, "state.sqlite"));
  const restAfterMs = demoSettings.restAfterMs ?? 3_000;
  return {
    transport,
    table: createSqliteTable(busy, file),
    createFunctions: (parts) =>
      createProcessFunctions(parts, transport, { home, restAfterMs, webhookPort }),
    stop: async () => file.close(),
  };
}

/** A stage on AWS, with emulators of its own. */
async function openStage(
  { clock, say = () => {} }: OpenWorldDeps,
  { servicePort, webhookPort }: PlayFlags,
  home: string,
): Promise<Ground> {
  // Nobody else needs what bundles and emulators are made with.
  const { startEmulators } = await import("../artifacts/emulators.ts");
  const { openArtifactStage } = await import("../artifacts/artifact-stage.ts");
  const { requireBundler } = await import("../artifacts/bundle-function.ts");
  await requireBundler();
  // Their logs are of this run.
  const logs = join(home, "emulators");
  rmSync(logs, { recursive: true, force: true });
  const emulators = await startEmulators({ clock, say }, logs);
  const stage = await openArtifactStage(
    { clock, random: createSystemRandom(), say },
    { ...emulators, stage: "demo", home: join(home, "stage"), webhookPort, allowLoopback: true },
  );
  const transport = await createSocketTransport({ clock }, { home, servicePort, tls: true });
  return {
    transport,
    table: stage.table,
    authenticate: (cluster, token) => stage.authenticate(cluster, token),
    createFunctions: (parts) => stage.createFunctions(parts, transport),
    async stop() {
      await stage.stop();
      await emulators.stop();
    },
  };
}

/** State of an earlier run would be served again; the certificates may stay. */
function emptyFolder(home: string) {
  for (const name of ["state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "data-key"]) {
    const path = join(home, name);
    if (existsSync(path)) rmSync(path);
  }
}
