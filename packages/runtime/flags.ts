// Why: every program of ours reads its flags the same way, and a bad one gets one clear line that names the flag, the
// value and the remedy, and exit code 2.
import { parseArgs, type ParseArgsConfig } from "node:util";
import { redactText } from "./redact.ts";

/** A mistake of the caller's: printed as one line, exit code 2. A token in the wrong place is not repeated. */
export class UsageError extends Error {
  override name = "UsageError";
  constructor(message: string, options?: ErrorOptions) {
    super(redactText(message), options);
  }
}

export type Options = NonNullable<ParseArgsConfig["options"]>;

/** node:util's parser with our error. Positionals are allowed only when `positionals` is true. */
export function readFlags<T extends Options>(args: string[], options: T, positionals = false) {
  try {
    const joined = joinNegatives(args, options);
    return parseArgs({ args: joined, options, allowPositionals: positionals, strict: true });
  } catch (cause) {
    throw new UsageError(`${describe(cause)}; see --help`, { cause });
  }
}

/** `--jobs -1` is a number that is too small; node:util would take it for a flag called -1. */
function joinNegatives(args: readonly string[], options: Options): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const before = joined.at(-1) ?? "";
    const takesText = before.startsWith("--") && options[before.slice(2)]?.type === "string";
    if (takesText && /^-\d/.test(arg)) joined.push(`${joined.pop()}=${arg}`);
    else joined.push(arg);
  }
  return joined;
}

function describe(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const lacking = /^Option '(?:-\w, )?(--[\w-]+)(?: <value>)?' argument/.exec(text)?.[1];
  if (lacking !== undefined) return `${lacking} is given without a value`;
  // Node's message goes on with hints, in further sentences and lines.
  return text.split(/\.(?: |\n|$)/)[0] ?? text;
}

/** A whole number in [min, max], `range.default` without the flag, or a UsageError that says so. */
export function readInt<D extends number | undefined>(
  flag: string,
  text: string | undefined,
  range: { min: number; max: number; default: D },
): number | D {
  if (text === undefined) return range.default;
  const value = Number(text);
  if (/^-?\d+$/.test(text) && value >= range.min && value <= range.max) return value;
  throw new UsageError(
    `--${flag} ${quote(text)}: give a whole number from ${range.min} to ${range.max}`,
  );
}

/** One of `choices` (the first without the flag), or a UsageError that lists them. */
export function readChoice<T extends string>(
  flag: string,
  text: string | undefined,
  choices: readonly [T, ...T[]],
): T {
  if (text === undefined) return choices[0];
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new UsageError(`--${flag} ${quote(text)}: give one of ${choices.join(", ")}`);
}

/** A value as it may stand in a message: nothing and white space are made visible. */
export function quote(text: string): string {
  return /^\S+$/.test(text) ? text : JSON.stringify(text);
}
