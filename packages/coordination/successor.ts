// Why: a holder near its deadline gives the shard up only when it knows that somebody stands ready, so a
// waiter registers. A row of a waiter that died must not count: it names the fence it waits for, and a
// live waiter writes it anew with each heartbeat.
import * as z from "zod/mini";
import type { Fence } from "./fence.ts";
import { keys } from "./keys.ts";
import { getSettled, putSettled, removeSettled, type SettleDeps } from "./put-settled.ts";

const successorRow = z.object({ holder: z.string(), waitsFor: z.int() });

/** The waiter's side. */
export interface Registration {
  /** Writes the row unless this waiter's is younger than a heartbeat. */
  refresh(waitsFor: Fence): Promise<void>;
  /** Takes the row away, if it is still this waiter's. */
  leave(): Promise<void>;
}

export function createRegistration(
  deps: SettleDeps & { settings: { heartbeatMs: number } },
  shard: string,
  holder: string,
): Registration {
  const key = keys.successor(shard);
  let own: { version: string; atMs: number; n: number } | undefined;
  return {
    async refresh(waitsFor) {
      const atMs = deps.clock.nowMs();
      if (own?.n === waitsFor.n && atMs - own.atMs < deps.settings.heartbeatMs) return;
      const there = await getSettled(deps, key);
      const version = deps.random.uuid();
      const row = { key, version, value: { holder, waitsFor: waitsFor.n } };
      // Refused: another waiter registered meanwhile. One is enough, and this one tries again later.
      await putSettled(deps, row, there ? { version: there.version } : { absent: true });
      own = { version, atMs, n: waitsFor.n };
    },
    async leave() {
      if (own) await removeSettled(deps, key, own.version);
      own = undefined;
    },
  };
}

/** The holder's side: reads the row, and remembers since when it has stood still. */
export function createSuccessorFinder(
  deps: SettleDeps & { settings: { leaseMs: number } },
  shard: string,
  self: { holder: string; fence: Fence },
): () => Promise<string | undefined> {
  let seen: { version: string; sinceMs: number } | undefined;
  return async () => {
    const row = await getSettled(deps, keys.successor(shard));
    const parsed = successorRow.safeParse(row?.value);
    if (!row || !parsed.success) return undefined;
    if (parsed.data.waitsFor !== self.fence.n || parsed.data.holder === self.holder)
      return undefined;
    const now = deps.clock.nowMs();
    if (seen?.version !== row.version) seen = { version: row.version, sinceMs: now };
    return now - seen.sinceMs >= deps.settings.leaseMs ? undefined : parsed.data.holder;
  };
}
