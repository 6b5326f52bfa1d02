// Why: what every benchmark starts from: N scale sets on one cluster, each on long poll in one poller process. The
// reconciler makes them and is then ended: what is measured is the control plane, and the cores are few.
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { createSqliteTable } from "@runlet/coordination/sqlite-table";
import { openStateFile } from "@runlet/coordination/state-file";
import type { Table } from "@runlet/coordination/table";
import { createSystemClock, type Clock } from "@runlet/runtime/clock";
import { createSystemRandom } from "@runlet/runtime/random";
import { cloudSettings, type Settings } from "@runlet/runtime/settings";
import type { WorldCluster } from "@runlet/runlet/world/cluster";
import type { LogLine } from "@runlet/runlet/world/recorder";
import type { SocketTransport } from "@runlet/runlet/world/transport-sockets";
import { createWorld, type FunctionParts, type World } from "@runlet/runlet/world/world";
import type { SimulatorEvent } from "@runlet/simulators/actions-service/events";
import type { Knobs, Mode } from "@runlet/simulators/actions-service/knobs";
import { createBenchFunctions, type BenchFunctions } from "./functions.ts";
import { createHappenings, type Happenings } from "./happenings.ts";
import type { ServiceProtocol } from "./serve-service.ts";
import { createBenchTransport, type ArrivedPatch } from "./transport.ts";

export interface BenchWorldOptions {
  home: string;
  scaleSets: string[];
  mode?: Mode;
  protocol?: ServiceProtocol;
  settings?: Partial<Settings>;
  knobs?: Partial<Knobs>;
  /** Default: in a file of SQLite, which the functions share. */
  table?: Table;
  /** Default: the functions as `runlet local` has them. */
  createFunctions?: (parts: FunctionParts, transport: SocketTransport) => Promise<BenchFunctions>;
  /** Default: the sweep finds the sets and wakes a poller, and goes on each minute. */
  begin?: (functions: BenchFunctions, lines: Happenings<LogLine>) => Promise<void>;
}

export interface BenchWorld {
  clock: Clock;
  world: World<BenchFunctions>;
  cluster: WorldCluster;
  settings: Settings;
  facts: Happenings<SimulatorEvent>;
  patches: Happenings<ArrivedPatch>;
  /** Log lines of the functions and of their host. */
  lines: Happenings<LogLine>;
  /** A scale set's key at the service. */
  keyOf(name: string): string;
  /** Process id of the poller that serves; waits until those that were woken beside it have left. */
  holder(): Promise<number>;
  stop(): Promise<void>;
}

const startLimitMs = 120_000;

/** Resolves when each set has a poll open. */
export async function startBenchWorld(options: BenchWorldOptions): Promise<BenchWorld> {
  const { home, scaleSets, begin } = options;
  // Worlds of one benchmark share the certificate and nothing else.
  const folder = mkdtempSync(join(home, "world-"));
  const clock = createSystemClock();
  const random = createSystemRandom();
  const settings = { ...cloudSettings, ...options.settings };
  const facts = createHappenings<SimulatorEvent>(clock);
  const patches = createHappenings<ArrivedPatch>(clock);
  const lines = createHappenings<LogLine>(clock);
  const transport = await createBenchTransport(
    { clock },
    { home, protocol: options.protocol ?? "http", onPatch: (patch) => patches.happened(patch) },
  );
  const busy = { clock, random };
  const file = await openStateFile(busy, join(folder, "state.sqlite"));
  const world = await createWorld<BenchFunctions>(
    {
      clock,
      random,
      table: options.table ?? createSqliteTable(busy, file),
      transport,
      async createFunctions(parts) {
        const functions = await (options.createFunctions?.(parts, transport) ??
          createBenchFunctions(parts, transport, { home, folder }));
        return begin
          ? { ...functions, startSweeping: () => void begin(functions, lines) }
          : functions;
      },
    },
    {
      mode: options.mode ?? "auto-assign",
      settings,
      clusters: ["east"],
      scaleSets: scaleSets.map((name) => {
        return { name, clusters: ["east"], minRunners: 0, maxRunners: 1_000 };
      }),
      knobs: { webhookLoss: 1, ...options.knobs },
      onLine: (line) => noteLine(lines, line),
    },
  );
  world.service.listen((fact) => facts.happened(fact));
  const cluster = world.clusters.get("east");
  if (!cluster) throw new Error("the world has one cluster, east");
  const served = new Set<string>();
  const all = facts.until("every set on long poll", startLimitMs, (fact) => {
    if (fact.kind === "poll-opened") served.add(fact.scaleSet);
    return served.size === scaleSets.length;
  });
  await world.start();
  await all;
  cluster.killReconciler();
  cluster.kubelet.stop();
  return {
    clock,
    world,
    cluster,
    settings,
    facts,
    patches,
    lines,
    keyOf(name) {
      const found = world.service.control.findScaleSet(name);
      if (!found) throw new Error(`there is no scale set ${name}`);
      return found.key;
    },
    holder: () => findHolder(clock, world.functions.host),
    async stop() {
      await world.stop();
      file.close();
    },
  };
}

async function findHolder(clock: Clock, host: BenchFunctions["host"]): Promise<number> {
  for (let second = 0; second < 60; second++) {
    const busy = host
      .containers()
      .filter(({ function: name, busyWith }) => name === "poller" && busyWith !== undefined);
    const [one, ...others] = busy;
    if (one?.pid !== undefined && others.length === 0) return one.pid;
    await clock.sleep(1_000);
  }
  throw new Error("after a minute not exactly one poller serves");
}

/** `set-000`, `set-001`, … */
export function nameSets(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `set-${String(n).padStart(3, "0")}`);
}

function noteLine(lines: Happenings<LogLine>, text: string): void {
  if (!text.startsWith("{")) return void process.stderr.write(`${text}\n`);
  try {
    lines.happened(JSON.parse(text) as LogLine); // our own log's lines
  } catch {
    process.stderr.write(`${text}\n`);
  }
}
