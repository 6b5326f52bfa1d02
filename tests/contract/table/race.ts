// Why: starts and watches the processes of the race (racer.ts), and stops all of them for the instant of a
// power cut.
import { spawn, type ChildProcess } from "node:child_process";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const racerShard = "race";
export const ledgerKey = "deployment/ledger";
/** Short enough for a test; long enough that a busy machine does not lose a lease by itself. */
export const racerSettings = {
  leaseMs: 1_500,
  heartbeatMs: 300,
  waiterReadMs: 10,
  announcedReadMs: 2,
};

/** What they race on: a state file, or a table of DynamoDB at `url`. */
export type RacerStore = { sqlite: string } | { dynamodb: { url: string; table: string } };

export interface RacerTask {
  store: RacerStore;
  id: string;
}

/**
 * What a racer does when it next holds the lease: stop itself inside a transaction on the lease row, or
 * while it holds no lock, before or after it has passed the guard; or end.
 */
export type RacerOrder = "stop-in-write" | "stop-before-guard" | "stop-after-guard" | "end";

export type RacerLine =
  | { what: "taken"; id: string; n: number; from: string }
  | { what: "round"; id: string; n: number; round: number | "late" }
  | { what: "stopping"; id: string }
  | { what: "holding"; id: string; n: number }
  | { what: "woken"; id: string; n: number; round: number | "late" | "lost" };

export interface Race {
  lines: RacerLine[];
  /** The first line for which `is` is true, among all or among those after line `from`. */
  find(is: (line: RacerLine) => boolean, from?: number): Promise<RacerLine>;
  order(id: string, order: RacerOrder): void;
  /** Resolves when a process that has stopped itself stands still. */
  stands(id: string): Promise<void>;
  wake(id: string): void;
  /** Copies a state file and its log as they are with every process stopped in mid-flight. */
  copyAt(path: string, target: string): void;
  /** Resolves when all have ended; their exit codes. */
  ended: Promise<(number | null)[]>;
  kill(): void;
}

export function startRace(store: RacerStore, ids: readonly string[]): Race {
  const lines: RacerLine[] = [];
  const waiting = new Set<{ is: (line: RacerLine) => boolean; found: (line: RacerLine) => void }>();
  const children = new Map<string, ChildProcess>();
  const ends = ids.map((id) => {
    const script = fileURLToPath(new URL("racer.ts", import.meta.url));
    const args = [script, JSON.stringify({ id, store } satisfies RacerTask)];
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    children.set(id, child);
    createInterface({ input: child.stdout }).on("line", (text) => {
      // `as`: racer.ts writes nothing else.
      const line = JSON.parse(text) as RacerLine;
      lines.push(line);
      for (const wait of waiting) {
        if (!wait.is(line)) continue;
        waiting.delete(wait);
        wait.found(line);
      }
    });
    return new Promise<number | null>((resolve) => child.once("close", resolve));
  });
  const all = (name: "SIGSTOP" | "SIGKILL") => {
    for (const child of children.values()) child.kill(name);
  };
  return {
    lines,
    find(is, from = 0) {
      const there = lines.slice(from).find(is);
      return there ? Promise.resolve(there) : new Promise((found) => waiting.add({ is, found }));
    },
    order: (id, order) => children.get(id)?.stdin?.write(`${order}\n`),
    async stands(id) {
      const child = children.get(id);
      while (child && !isStopped(child)) await new Promise((turn) => setImmediate(turn));
    },
    wake: (id) => children.get(id)?.kill("SIGCONT"),
    copyAt(path, target) {
      const stopped = [...children.values()].filter((child) => isStopped(child));
      all("SIGSTOP");
      while (![...children.values()].every((child) => isStopped(child))) continue;
      for (const end of ["", "-wal"]) {
        if (existsSync(path + end)) copyFileSync(path + end, target + end);
      }
      // Who had stopped itself stays so.
      for (const child of children.values()) if (!stopped.includes(child)) child.kill("SIGCONT");
    },
    ended: Promise.all(ends),
    kill: () => all("SIGKILL"),
  };
}

/** The state letter in /proc/PID/stat stands behind the name in brackets (proc_pid_stat(5)). */
function isStopped({ pid, exitCode, signalCode }: ChildProcess): boolean {
  if (exitCode !== null || signalCode !== null) return true;
  try {
    return /\) [TZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}
