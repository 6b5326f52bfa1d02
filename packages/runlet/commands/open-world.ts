// Why: demo and start play in the same world of processes and sockets; this puts it together.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createSqliteTable } from "@runlet/coordination/sqlite-table";
import { openStateFile } from "@runlet/coordination/state-file";
import type { Clock } from "@runlet/runtime/clock";
import { createSeededRandom, createSystemRandom } from "@runlet/runtime/random";
import { demoSettings, type Settings } from "@runlet/runtime/settings";
import { checkPort } from "../local/check-port.ts";
import { claimFolder } from "../local/claim-folder.ts";
import { createProcessFunctions, type ProcessFunctions } from "../world/functions-in-processes.ts";
import { planScenario, type ScenarioPlan } from "../world/plan-scenario.ts";
import { createSocketTransport, type SocketTransport } from "../world/transport-sockets.ts";
import { createWorld, type World } from "../world/world.ts";
import type { PlayFlags } from "./play-flags.ts";

export interface OpenWorld {
  world: World<ProcessFunctions>;
  plan: ScenarioPlan;
  transport: SocketTransport;
  settings: Settings;
  stop(): Promise<void>;
}

/** The jobs of a demo are spread over this long: time enough for hand-overs, rests and every fault. */
const spreadMs = 16_000;

/** A world whose files are in `home`, which is emptied first. */
export async function openWorld(
  clock: Clock,
  flags: PlayFlags,
  home: string,
  onLine?: (line: string) => void,
): Promise<OpenWorld> {
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
  const random = createSystemRandom();
  const transport = await createSocketTransport(
    { clock },
    { home, servicePort: flags.servicePort },
  );
  const busy = { clock, random };
  const file = await openStateFile(busy, join(home, "state.sqlite"));
  const world = await createWorld<ProcessFunctions>(
    {
      clock,
      random,
      table: createSqliteTable(busy, file),
      transport,
      createFunctions: (parts) =>
        createProcessFunctions(parts, transport, {
          home,
          restAfterMs: settings.restAfterMs ?? 3_000,
          webhookPort: flags.webhookPort,
        }),
    },
    {
      mode: flags.mode,
      settings,
      clusters: plan.clusters,
      scaleSets: plan.scaleSets,
      // The service holds a poll for a second instead of fifty, and forgets a silent session in six.
      knobs: { holdMs: 1_000, sessionLapseMs: 6_000 },
      ...(onLine && { onLine }),
    },
  );
  return {
    world,
    plan,
    transport,
    settings,
    async stop() {
      await world.stop();
      file.close();
      release();
    },
  };
}

/** State of an earlier run would be served again; the certificate may stay. */
function emptyFolder(home: string) {
  for (const name of ["state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "data-key"]) {
    const path = join(home, name);
    if (existsSync(path)) rmSync(path);
  }
}
