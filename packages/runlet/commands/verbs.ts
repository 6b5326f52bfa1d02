// Why: `cluster` and `github` are commands of several verbs over one place. Flags, help, JSON and exit codes are the same
// for all of them, and stand here once.
import { readFlags, UsageError, type Options } from "@runlet/runtime/flags";
import type { Command } from "../main.ts";
import { openPlace, placeOptions, type Place } from "./place.ts";

/** A flag's value as it was given. */
export type Values = Record<string, string | boolean | (string | boolean)[] | undefined>;

export interface Call {
  /** What stands after the verb. */
  names: string[];
  values: Values;
  /** What goes on meanwhile, for people: to standard error, so that the answer stands alone. */
  tell(line: string): void;
  /** Opens the place that the flags name; closed when the verb has ended. */
  open(): Promise<Place>;
}

/** What a verb found or did: the text for people, the object for --json, and whether all is well. */
export interface Answer {
  text: string;
  json: object;
  failed?: boolean;
}

export interface Verb {
  /** After the verb, e.g. `NAME`; "" for none. */
  takes: string;
  /** Flags besides those of all verbs. */
  flags: readonly string[];
  /** A state file that is named may be new. */
  creates?: boolean;
  run(call: Call): Promise<Answer>;
}

/** Flags of every verb. */
export const commonOptions = {
  ...placeOptions,
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies Options;

export interface VerbsOf {
  name: string;
  summary: string;
  help: string;
  /** The union of the verbs' flags. */
  options: Options;
  verbs: Record<string, Verb>;
}

/** The command `name`. */
export function createVerbs({ name, summary, help, options, verbs }: VerbsOf): Command {
  return {
    summary,
    options: { ...commonOptions, ...options },
    async run(args) {
      const { values, positionals } = readFlags(args, { ...commonOptions, ...options }, true);
      const [verb, ...names] = positionals;
      if (values.help) {
        process.stdout.write(help);
        return 0;
      }
      const chosen = verb === undefined ? undefined : verbs[verb];
      if (!chosen) {
        const what = verb === undefined ? "what to do is missing" : `there is no ${name} ${verb}`;
        throw new UsageError(`${what}: give one of ${Object.keys(verbs).join(", ")}; see --help`);
      }
      checkCall(`${name} ${verb}`, chosen, names, values);
      return runVerb(chosen, { values, names });
    },
  };
}

function checkCall(called: string, verb: Verb, names: string[], values: Values): void {
  const wanted = verb.takes === "" ? [] : verb.takes.split(" ");
  const least = wanted.filter((one) => !one.startsWith("[")).length;
  if (names.length < least)
    throw new UsageError(`${called}: ${wanted[names.length]} is missing; see --help`);
  if (names.length > wanted.length)
    throw new UsageError(`${called}: ${names[wanted.length]} is too much; see --help`);
  const known = new Set([...Object.keys(commonOptions), ...verb.flags]);
  const odd = Object.keys(values).find((flag) => !known.has(flag));
  if (odd !== undefined) throw new UsageError(`${called} takes no --${odd}; see --help`);
}

async function runVerb(verb: Verb, { values, names }: Pick<Call, "values" | "names">) {
  let place: Place | undefined;
  try {
    const answer = await verb.run({
      names,
      values,
      tell: (line) => void process.stderr.write(`${line}\n`),
      async open() {
        place ??= await openPlace(
          { stage: textOf(values, "stage"), state: textOf(values, "state") },
          verb.creates,
        );
        return place;
      },
    });
    const json = () => JSON.stringify(answer.json);
    process.stdout.write(`${values["json"] === true ? json() : answer.text}\n`);
    return answer.failed ? 1 : 0;
  } finally {
    place?.close();
  }
}

/** The value of a flag that takes text. */
export function textOf(values: Values, flag: string): string | undefined {
  const value = values[flag];
  return typeof value === "string" ? value : undefined;
}

/** The values of a flag that may be repeated; undefined when it was not given. */
export function listOf(values: Values, flag: string): string[] | undefined {
  const value = values[flag];
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : undefined;
}
