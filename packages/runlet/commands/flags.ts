// Why: every command reads its flags the same way, and a bad one gets one clear line that names the flag, the
// value and the remedy, and exit code 2.
import { parseArgs, type ParseArgsConfig } from "node:util";

/** A mistake of the caller's: printed as one line, exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

export type Options = NonNullable<ParseArgsConfig["options"]>;

/** node:util's parser with our error. Positionals are allowed only when `positionals` is true. */
export function readFlags<T extends Options>(args: string[], options: T, positionals = false) {
  try {
    return parseArgs({ args, options, allowPositionals: positionals, strict: true });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    // Node's message goes on with hints, in further sentences and lines.
    throw new UsageError(`${text.split(/\.(?: |\n|$)/)[0]}; see --help`);
  }
}

/** A whole number in [min, max], or a UsageError that says so. */
export function readInt(
  flag: string,
  text: string | undefined,
  range: { min: number; max: number; default: number },
): number {
  if (text === undefined) return range.default;
  const value = Number(text);
  if (/^-?\d+$/.test(text) && value >= range.min && value <= range.max) return value;
  throw new UsageError(
    `--${flag} ${text}: give a whole number from ${range.min} to ${range.max} (default ${range.default})`,
  );
}

/** One of `choices`, or a UsageError that lists them. */
export function readChoice<T extends string>(
  flag: string,
  text: string | undefined,
  choices: readonly [T, ...T[]],
): T {
  if (text === undefined) return choices[0];
  const found = choices.find((choice) => choice === text);
  if (found) return found;
  throw new UsageError(`--${flag} ${text}: give one of ${choices.join(", ")}`);
}
