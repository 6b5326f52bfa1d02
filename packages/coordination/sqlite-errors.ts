// Why: SQLite says "locked", "full" and "corrupt" with numbers (sqlite.org/rescode.html). Locked means:
// wait without standing still; the others become one line that says what to do.
import { backoffMs } from "@runlet/runtime/backoff";
import type { Clock } from "@runlet/runtime/clock";
import type { Random } from "@runlet/runtime/random";
import { TableBusy, TableError } from "./table.ts";

export interface BusyDeps {
  clock: Clock;
  random: Random;
  /** How long a locked file is waited for; default 5 s. */
  busyMs?: number;
}

const retryBackoff = { baseMs: 2, capMs: 25 };

/**
 * Runs `run`, which takes the lock or throws, until it got the lock. Between two tries the thread is free:
 * other polls go on. Throws TableBusy after `busyMs`, TableError for what waiting does not cure.
 */
export async function retryBusy<T>(deps: BusyDeps, path: string, run: () => T): Promise<T> {
  const until = deps.clock.nowMs() + (deps.busyMs ?? 5_000);
  for (let attempt = 0; ; attempt++) {
    try {
      return run();
    } catch (error) {
      if (!isBusy(error)) throw stateFileError(path, error);
      if (deps.clock.nowMs() >= until) {
        throw new TableBusy(`state file ${path} is locked by another process`, { cause: error });
      }
    }
    await deps.clock.sleep(backoffMs(deps.random, retryBackoff, attempt));
  }
}

/** What SQLite threw, as an error of ours; anything else is passed on. */
export function stateFileError(path: string, error: unknown): Error {
  if (error instanceof TableError) return error;
  const advice = adviceFor(error);
  if (advice === undefined) return error instanceof Error ? error : new Error(String(error));
  return new TableError(`state file ${path} ${advice}`, { cause: error });
}

function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === 5 || code === 6;
}

const adviceByCode: Readonly<Record<number, string>> = {
  8: "cannot be written: it is read-only",
  10: "cannot be read or written: the disk reports an error",
  11: "is corrupt; restore it or move it away",
  13: "is full: nothing was written, nothing is lost; make room and it goes on",
  14: "cannot be opened: look at the folder and its permissions",
  26: "is not an SQLite file; restore it or move it away",
};

function adviceFor(error: unknown): string | undefined {
  const code = primaryCode(error);
  if (code !== undefined) return adviceByCode[code];
  // What the file system refused before SQLite was asked.
  const system = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^E[A-Z]+$/.test(system) ? `cannot be opened (${system})` : undefined;
}

/** The low byte is the primary code; the rest says which kind of it. */
function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}
