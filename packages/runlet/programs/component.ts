// Why: a program of others that we run against is a process with a log, that must die with us and, when it does
// not come up, must say why.
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

export interface Component {
  name: string;
  /** The last lines of its log. */
  tail(): string;
  running(): boolean;
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  /** SIGKILL: a graceful end takes the API server a minute while watches are open. */
  kill(): Promise<void>;
}

const living = new Set<ChildProcess>();
// However this process ends, but by SIGKILL, they end with it.
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

/** Starts `file` with its output in `logFile`. */
export function startComponent(
  name: string,
  file: string,
  options: {
    args: string[];
    logFile: string;
  },
): Component {
  const log = openSync(options.logFile, "a");
  const child = spawn(file, options.args, { stdio: ["ignore", log, log] });
  closeSync(log);
  living.add(child);
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      living.delete(child);
      resolve();
    };
    child.on("exit", end).on("error", end);
  });
  return {
    name,
    tail: () => readFileSync(options.logFile, "utf8").split("\n").slice(-15).join("\n"),
    running: () => living.has(child),
    signal: (signal) => void child.kill(signal),
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
