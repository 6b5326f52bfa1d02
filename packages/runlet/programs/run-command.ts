// Why: a tool that fails must say what it said, and one that takes minutes must not look dead.
import { spawn, type ChildProcess } from "node:child_process";
import { wholeEnvironment } from "@runlet/runtime/settings-environment";

export interface Command {
  file: string;
  args: string[];
  cwd?: string;
  /** Beside and instead of this process's own. */
  env?: Record<string, string>;
}

const running = new Set<ChildProcess>();
// Whatever way this process ends, they end with it.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Runs a command to its end and returns its standard output; throws with the end of its errors. */
export function runCommand(command: Command): Promise<string> {
  const { file, args } = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: command.cwd,
      env: wholeEnvironment(command.env),
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    let out = "";
    let errors = "";
    child.stdout.on("data", (chunk) => (out += String(chunk)));
    child.stderr.on("data", (chunk) => (errors = (errors + String(chunk)).slice(-4_000)));
    child.on("error", (cause) => {
      running.delete(child);
      reject(new Error(`cannot start ${file}`, { cause }));
    });
    child.on("close", (code) => {
      running.delete(child);
      if (code === 0) resolve(out);
      else
        reject(new Error(`${file} ${args.slice(0, 2).join(" ")} ended with ${code}:\n${errors}`));
    });
  });
}
