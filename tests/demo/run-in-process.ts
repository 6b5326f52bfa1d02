// Why: starting a program takes a second; a command's many cases are met in this process, by the same arguments, streams
// and exit codes.
import type { Command } from "@runlet/runlet/main";
import { describeFailure } from "@runlet/runtime/describe-failure";
import { vi } from "vitest";
import type { Ended } from "./run-program.ts";

/** Runs the command as packages/runlet/main.ts does. One at a time: the streams are the process's own. */
export async function runInProcess(command: Command, args: string[]): Promise<Ended> {
  let [out, err] = ["", ""];
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation((text) => ((out += String(text)), true)),
    vi.spyOn(process.stderr, "write").mockImplementation((text) => ((err += String(text)), true)),
  ];
  try {
    const code = await command.run(args);
    return { code, out, err };
  } catch (error) {
    const { line, code } = describeFailure(error);
    return { code, out, err: `${err}runlet: ${line}\n` };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
