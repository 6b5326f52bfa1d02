// Why: some of what Runlet assumes of GitHub and AWS only a real account can show. Each assumption that a check looks at ends
// as one finding, so that a run by somebody else can be read by us.
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";

export interface Finding {
  assumption: string;
  verdict: "holds" | "does not hold" | "open";
  /** What was answered, in a few words; never a secret. */
  seen: string;
}

export interface CheckRun {
  clock: Clock;
  random: Random;
  log: Log;
  /** A variable that the check has listed in `needs`. */
  value(name: string): string;
  /** One that it has listed in `takes`. */
  option(name: string): string | undefined;
  /** What goes on, for the person who waits. */
  tell(line: string): void;
}

export interface LiveCheck {
  name: string;
  /** The question, in a sentence. */
  asks: string;
  /** What it does, step by step, and what it makes and removes. */
  does: readonly string[];
  /** Variables without which it does not run, with what they mean. */
  needs: Readonly<Record<string, string>>;
  takes?: Readonly<Record<string, string>>;
  run(run: CheckRun): Promise<Finding[]>;
}

/** A finding by what was expected. */
export function judge(assumption: string, holds: boolean, seen: unknown): Finding {
  return { assumption, verdict: holds ? "holds" : "does not hold", seen: String(seen) };
}
