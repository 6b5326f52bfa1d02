// Why: GitHub limits registration tokens, and every invocation needs an admin connection. So they share
// one, sealed in the table; when it must be renewed one invocation does it and the others wait a moment.
import type { Log } from "@runlet/runtime/log";
import * as z from "zod";
import type { Cipher } from "./cipher.ts";
import { keys } from "./keys.ts";
import { getSettled, putSettled, type SettleDeps } from "./put-settled.ts";
import type { Condition, Row } from "./table.ts";

/** What a registration token buys (the shape that the Actions Service client declares). */
export interface AdminConnection {
  serviceUrl: string;
  adminToken: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

export interface AdminConnections {
  /**
   * The shared connection. Undefined: there is none that lasts; this caller is the one to make it, and
   * others wait for its `save`, at most `claimMs`.
   */
  load(scopeKey: string): Promise<AdminConnection | undefined>;
  /** Shares a new connection, unless a longer-lived one has been saved meanwhile. */
  save(scopeKey: string, connection: AdminConnection): Promise<void>;
}

export interface AdminConnectionDeps extends SettleDeps {
  cipher: Cipher;
  log: Log;
  /** One that ends sooner is not handed out; default 1 minute. */
  marginMs?: number;
  /** How long others wait for the one that makes a new connection; default 5 s. */
  claimMs?: number;
}

const connection = z.object({
  serviceUrl: z.string(),
  adminToken: z.string(),
  expiresAt: z.number(),
});
const adminRow = z.object({
  sealed: z.exactOptional(z.string()),
  /** Who is making a new one. */
  claimedBy: z.exactOptional(z.string()),
});

export function createAdminConnections(deps: AdminConnectionDeps): AdminConnections {
  const claimMs = deps.claimMs ?? 5_000;
  const self = deps.random.uuid();

  /** Tokens handed out: whoever saves after one of them was refused by the service knows better. */
  const handedOut = new Map<string, string>();
  const lasts = (one: AdminConnection) =>
    one.expiresAt - deps.clock.wallMs() > (deps.marginMs ?? 60_000);

  async function claim(scopeKey: string, row: Row | undefined): Promise<boolean> {
    const value = { ...row?.value, claimedBy: self };
    const next = { key: keys.adminConnection(scopeKey), version: deps.random.uuid(), value };
    return (await putSettled(deps, next, conditionOn(row))).kind === "put";
  }

  async function load(scopeKey: string): Promise<AdminConnection | undefined> {
    const key = keys.adminConnection(scopeKey);
    // A claim of somebody who died is waited for once: the one who gives up waiting makes and saves.
    for (const until = deps.clock.nowMs() + claimMs; deps.clock.nowMs() < until;) {
      const row = await getSettled(deps, key);
      const found = await open(deps, scopeKey, row);
      if (found && lasts(found)) {
        handedOut.set(scopeKey, found.adminToken);
        return found;
      }
      const claimedBy = row && adminRow.safeParse(row.value).data?.claimedBy;
      if (claimedBy === self) return undefined;
      if (claimedBy === undefined && (await claim(scopeKey, row))) return undefined;
      await deps.clock.sleep(100);
    }
    return undefined;
  }
  return {
    load,
    async save(scopeKey, made) {
      const key = keys.adminConnection(scopeKey);
      const sealed = await deps.cipher.seal(JSON.stringify(made), placeOf(scopeKey));
      for (let turn = 0; turn < 5; turn++) {
        const row = await getSettled(deps, key);
        const found = await open(deps, scopeKey, row);
        const isOurs = found?.adminToken === handedOut.get(scopeKey);
        if (found && !isOurs && found.expiresAt > made.expiresAt) return;
        const next = { key, version: deps.random.uuid(), value: { sealed } };
        if ((await putSettled(deps, next, conditionOn(row))).kind === "put") return;
      }
    },
  };
}

/** What the row holds; one that does not open is as good as none. */
async function open(
  deps: AdminConnectionDeps,
  scopeKey: string,
  row: Row | undefined,
): Promise<AdminConnection | undefined> {
  const sealed = adminRow.safeParse(row?.value).data?.sealed;
  if (sealed === undefined) return undefined;
  try {
    return connection.parse(JSON.parse(await deps.cipher.open(sealed, placeOf(scopeKey))));
  } catch (error) {
    deps.log.warn("admin_connection_unreadable", { scopeKey, error });
    return undefined;
  }
}

function conditionOn(row: Row | undefined): Condition {
  return row ? { version: row.version } : { absent: true };
}

function placeOf(scopeKey: string): string {
  return `admin/${scopeKey}`;
}
