// Why: a lease is judged by what several invocations do to one table over time. Here they live on clocks
// of their own speed, may be frozen, and each action is noted with the true time and its fence.
import { createSeededRandom, type Random } from "@runlet/runtime/random";
import { createSilentLog } from "@runlet/runtime/log";
import { demoSettings } from "@runlet/runtime/settings";
import { createVirtualClock, type VirtualClock } from "@runlet/runtime/virtual-clock";
import { createFaultyTable, type FaultyTableDeps, type TableFaults } from "../faulty-table.ts";
import { createLeases, type HeldLease, type Leases, type TakeOptions } from "../lease.ts";
import { createMemoryTable } from "../memory-table.ts";
import type { Table } from "../table.ts";
import { createSkewedClock, type SkewedClock } from "./skewed-clock.ts";

/** An effect that an invocation started. */
export interface Act {
  atMs: number;
  holder: string;
  n: number;
}

export interface Invocation {
  id: string;
  clock: SkewedClock;
  leases: Leases;
  /** Aborts its run, as the end of an invocation does. */
  abort(): void;
  /** From now on nothing that it asks of the table arrives; it runs on. */
  cutOff(): void;
  signal: AbortSignal;
  take(options?: Partial<TakeOptions>): ReturnType<Leases["take"]>;
  /** Passes the guard and acts, in one breath. */
  act(lease: HeldLease): Promise<void>;
}

export interface LeaseWorld {
  clock: VirtualClock;
  random: Random;
  /** The table without faults: what is really there. */
  table: Table;
  faults: TableFaults;
  /** Called before each call happens, and after it, before its answer goes back. */
  hooks: Pick<FaultyTableDeps, "before" | "after">;
  acts: Act[];
  start(id: string, rate?: number): Invocation;
}

export const shard = "shard-1";
export const settings = demoSettings;

export function createLeaseWorld(seed = 1): LeaseWorld {
  const clock = createVirtualClock();
  const random = createSeededRandom(seed);
  const table = createMemoryTable(() => clock.wallMs());
  const faults: TableFaults = {};
  const hooks: LeaseWorld["hooks"] = {};
  const acts: Act[] = [];

  function start(id: string, rate = 1): Invocation {
    const own = createSkewedClock(clock, rate);
    const life = new AbortController();
    const line = { cut: false };
    const faulty = createFaultyTable(table, {
      clock,
      random,
      faults,
      before: (verb, key) => hooks.before?.(verb, key),
      after: (verb, key, result) => hooks.after?.(verb, key, result),
    });
    const leases = createLeases({
      table: behindFreeze(faulty, own, line),
      clock: own,
      random,
      log: createSilentLog(),
      installation: "test",
      settings,
    });
    return {
      id,
      clock: own,
      leases,
      signal: life.signal,
      abort: () => life.abort(new Error(`${id} was aborted`)),
      cutOff: () => void (line.cut = true),
      take: (options = {}) =>
        leases.take(shard, {
          holder: id,
          waitMs: 0,
          register: false,
          signal: life.signal,
          ...options,
        }),
      async act(lease) {
        await lease.guard();
        acts.push({ atMs: clock.nowMs(), holder: id, n: lease.fence.n });
      },
    };
  }
  return { clock, random, table, faults, hooks, acts, start };
}

/** A frozen process sends nothing and hears of no answer, though what it has sent arrives. */
function behindFreeze(table: Table, clock: SkewedClock, line: { cut: boolean }): Table {
  const call = async <T>(run: () => Promise<T>): Promise<T> => {
    await clock.thawed();
    if (line.cut) return new Promise<never>(() => {});
    try {
      return await run();
    } finally {
      await clock.thawed();
    }
  };
  return {
    get: (key) => call(() => table.get(key)),
    put: (row, when) => call(() => table.put(row, when)),
    list: (prefix) => call(() => table.list(prefix)),
    remove: (key, version) => call(() => table.remove(key, version)),
  };
}

/** Waits for a promise of the world while its time runs on. */
export async function inTime<T>(
  world: LeaseWorld,
  promise: Promise<T>,
  limitMs: number,
): Promise<T> {
  let settled = false;
  const watched = promise.finally(() => {
    settled = true;
  });
  watched.catch(() => {});
  await world.clock.runUntil(() => settled, limitMs, "the answer");
  return watched;
}

/** Takes the lease and holds the result to "taken". */
export async function takeNow(
  world: LeaseWorld,
  invocation: Invocation,
  options: Partial<TakeOptions> = {},
) {
  const result = await inTime(world, invocation.take(options), 60_000);
  if (result.kind !== "taken") throw new Error(`${invocation.id} found the lease held`);
  return result;
}
