// Why: a tool that fails must say what it said, and one that takes minutes must not look dead.
import { spawn } from "node:child_process";

export interface Command {
  file: string;
  args: string[];
  cwd?: string;
  env?: Record<string, string>;
}

/** Runs a command to its end and returns its standard output; throws with the end of its errors. */
export function runCommand(command: Command): Promise<string> {
  const { file, args } = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: command.cwd,
      env: { ...process.env, ...command.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let errors = "";
    child.stdout.on("data", (chunk) => (out += String(chunk)));
    child.stderr.on("data", (chunk) => (errors = (errors + String(chunk)).slice(-4_000)));
    child.on("error", (cause) => reject(new Error(`cannot start ${file}`, { cause })));
    child.on("close", (code) => {
      if (code === 0) resolve(out);
      else
        reject(new Error(`${file} ${args.slice(0, 2).join(" ")} ended with ${code}:\n${errors}`));
    });
  });
}
