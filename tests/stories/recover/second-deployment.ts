// Why: after a loss Runlet is deployed again, beside clusters and a service that know nothing of it. A world has one set
// of functions; this is the next one, over whatever table and key it has been given.
import type { Table } from "@runlet/coordination/table";
import { createRegistry } from "@runlet/coordination/registry";
import {
  createInProcessFunctions,
  type InProcessFunctions,
} from "@runlet/runlet/world/functions-in-process";
import type { Fetch } from "@runlet/runtime/fetch";
import { createLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { demoSettings } from "@runlet/runtime/settings";
import { runUntilEnded } from "@runlet/runlet/world/virtual-world";
import type { RunningWorld } from "../world/running-world.ts";

/** `sst deploy`, and `runlet cluster add` for each cluster that the table does not know. */
export async function deployAgain(
  world: RunningWorld,
  { table, fetch, sealKey }: { table: Table; fetch: Fetch; sealKey?: Uint8Array },
): Promise<InProcessFunctions> {
  const { clock, recorder, pat } = world;
  const random = createSeededRandom(2);
  const log = createLog({ write: recorder.line, wallMs: clock.wallMs }, { level: "debug" });
  const functions = createInProcessFunctions({
    clock,
    random,
    log,
    table,
    settings: demoSettings,
    credentials: { find: async () => ({ credential: { kind: "pat", token: pat } }) },
    webhookSecret: "another",
    fetch,
    async accessTo({ name }, own) {
      const access = world.clusters.get(name)?.access("runlet-control-plane");
      return access && { ...access, fetch: own };
    },
    ...(sealKey && { sealKey }),
  });
  const registry = createRegistry({ clock, random, log, table });
  const register = async () => {
    const known = (await registry.listClusters()).map(({ row }) => row.name);
    for (const name of world.clusters.keys())
      if (!known.includes(name)) await registry.putCluster({ name, accessRef: name }, undefined);
  };
  await runUntilEnded(clock, register(), 5_000, "the clusters to be registered");
  functions.startSweeping();
  return functions;
}
