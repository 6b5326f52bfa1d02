// Why: what takes half a minute the first time must say that it is at work, and whoever has no way to a registry must read
// which one did not answer.
import type { Clock } from "@runlet/runtime/clock";
import { runCommand, type Command } from "../programs/run-command.ts";

export interface InstallDeps {
  clock: Clock;
  /** Takes a line for a person. */
  say: (line: string) => void;
}

const repeatMs = 10_000;
const remedy =
  "it needs its registry: connect this machine, or name a mirror or a proxy in its configuration";

/** Runs the installer, with a line at its start and each ten seconds. Throws with the errors that it said. */
export async function install(
  { clock, say }: InstallDeps,
  what: string,
  command: Command,
): Promise<void> {
  say(`installing ${what}`);
  const from = clock.nowMs();
  let cancel = () => {};
  const repeat = () => {
    cancel = clock.after(repeatMs, () => {
      say(`still installing ${what}: ${Math.round((clock.nowMs() - from) / 1_000)} s`);
      repeat();
    });
  };
  repeat();
  try {
    await runCommand(command);
  } catch (error) {
    throw new Error(`cannot install ${what}: ${describe(error)}; ${remedy}`);
  } finally {
    cancel();
  }
}

/** npm and pip say much; of that, the first lines that they call errors. */
function describe(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error);
  const lines = words.split("\n");
  const errors = lines.filter((line) => /^(npm error|ERROR:) /.test(line)).slice(0, errorsMax);
  return (errors.length > 0 ? errors : lines).join("; ");
}

const errorsMax = 4;
