// Why: the commands work on a place; here it is a world under virtual time, as a stage or a state file would show it.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Credentials } from "@runlet/coordination/credentials";
import { createFileSecrets } from "@runlet/coordination/file-secrets";
import { createRegistry } from "@runlet/coordination/registry";
import type { Table } from "@runlet/coordination/table";
import type { Place } from "@runlet/runlet/commands/place";
import type { World } from "@runlet/runlet/world/world";
import { createHttpFetch } from "@runlet/runtime/http";
import { createSilentLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";

/** `credentials`: default the world's own, for every scope. */
export function placeOfWorld(
  { clock, clusters, pat, service }: Pick<World, "clock" | "clusters" | "pat" | "service">,
  table: Table,
  credentials: Credentials = { find: async () => ({ credential: { kind: "pat", token: pat } }) },
): Place {
  const base = { clock, random: createSeededRandom(3), log: createSilentLog() };
  const registry = createRegistry({ ...base, table });
  return {
    ...base,
    label: "the story",
    stopped: undefined,
    table: async () => table,
    registry: async () => registry,
    secrets: createFileSecrets(base, mkdtempSync(join(tmpdir(), "runlet-place-"))),
    secretName: (part) => part,
    credentials,
    givenScopes: [],
    async accessTo({ name }) {
      const access = clusters.get(name)?.access("runlet-control-plane");
      return access && { ...access, close: () => {} };
    },
    createFetch: createHttpFetch,
    fetchFor: () => service.fetch,
    webhookUrl: async () => undefined,
    region: undefined,
    close: () => {},
  };
}
