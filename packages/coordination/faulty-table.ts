// Why: a store that always answers shows nothing. Around any table this one throttles, is slow, loses
// answers after the write, and lets a test step in before and after each call.
import type { Clock } from "@runlet/runtime/clock";
import type { Random } from "@runlet/runtime/random";
import { TableBusy, type Table } from "./table.ts";

export type TableVerb = keyof Table;

/** What may go wrong; a chance is 0 … 1, all default to never. May be changed while it runs. */
export interface TableFaults {
  /** The call is refused before it does anything. */
  throttle?: number;
  /** It happens, but the caller learns only that the answer is missing. */
  loseAnswer?: number;
  /** It happens, and the client library asks again unseen: the caller learns the second answer (F27). */
  repeat?: number;
  /** It never happens, and the caller learns only that the answer is missing. */
  loseRequest?: number;
  /** It arrives only after a while, long after the caller was told that the answer is missing. */
  arriveLate?: { chance: number; withinMs: number };
  /** Each call takes up to so long, half of it before it happens. */
  latencyMs?: number;
  /** Nobody answers at all: calls hang until it is false again. */
  unreachable?: boolean;
}

export interface FaultyTableDeps {
  clock: Clock;
  random: Random;
  faults: TableFaults;
  before?: (verb: TableVerb, key: string) => void | Promise<void>;
  after?: (verb: TableVerb, key: string, result: unknown) => void | Promise<void>;
}

/** What a lost answer looks like to a caller. */
export class AnswerLost extends Error {
  override name = "AnswerLost";
}

/** `table` with faults. */
export function createFaultyTable(table: Table, deps: FaultyTableDeps): Table {
  const { clock, random, faults } = deps;
  const chance = (probability: number | undefined) => random.next() < (probability ?? 0);
  const travel = () => clock.sleep((random.next() * (faults.latencyMs ?? 0)) / 2);

  async function call<T>(verb: TableVerb, key: string, run: () => Promise<T>): Promise<T> {
    await deps.before?.(verb, key);
    if (faults.latencyMs) await travel();
    while (faults.unreachable) await clock.sleep(50);
    if (chance(faults.throttle)) throw new TableBusy(`${verb} ${key}: throttled`);
    if (chance(faults.loseRequest)) throw new AnswerLost(`${verb} ${key}: no answer`);
    if (chance(faults.arriveLate?.chance)) {
      const late = clock.sleep(random.next() * (faults.arriveLate?.withinMs ?? 0)).then(run);
      late.catch(() => {});
      throw new AnswerLost(`${verb} ${key}: no answer`);
    }
    let result = await run();
    if (chance(faults.repeat)) result = await run();
    await deps.after?.(verb, key, result);
    if (faults.latencyMs) await travel();
    if (chance(faults.loseAnswer)) throw new AnswerLost(`${verb} ${key}: no answer`);
    return result;
  }
  return {
    get: (key) => call("get", key, () => table.get(key)),
    put: (row, when) => call("put", row.key, () => table.put(row, when)),
    list: (prefix) => call("list", prefix, () => table.list(prefix)),
    remove: (key, version) => call("remove", key, () => table.remove(key, version)),
  };
}
