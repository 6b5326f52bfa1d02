// Why: what cannot be undone is asked first. Without a terminal nobody can answer, and silence is no yes.
import { createInterface } from "node:readline/promises";
import { UsageError } from "@runlet/runtime/flags";

/** True for yes. `yes`: the flag --yes was given. Throws UsageError where nobody can be asked. */
export async function ask(question: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY) {
    throw new UsageError(
      `${question} Nobody can be asked here: add --yes if that is what you want`,
    );
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
