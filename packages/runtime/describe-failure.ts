// Why: however a program of ours fails, whoever typed it reads one line and gets an exit code: 2 for a mistake in the
// call, 1 for everything else.
import { UsageError } from "./flags.ts";
import { describeError } from "./redact.ts";

/** The error as one line for a person, redacted, and the exit code. */
export function describeFailure(error: unknown): { line: string; code: 1 | 2 } {
  if (error instanceof UsageError) return { line: error.message, code: 2 };
  // A person has no use for the names of classes.
  const words = describeError(error).replaceAll(/\b(?:[A-Za-z]*Error|KubeconfigRefused): /g, "");
  return { line: words.replaceAll(/\s*\n\s*/g, " "), code: 1 };
}
