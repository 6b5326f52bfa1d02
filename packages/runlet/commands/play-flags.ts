// Why: demo and start build the same world from the same flags.
import { readChoice, readFlags, readInt, UsageError, type Options } from "@runlet/runtime/flags";
import { readFlagsKeptByNpm } from "@runlet/runtime/settings-environment";

export interface PlayFlags {
  jobs: number;
  scaleSets: number;
  clusters: number;
  mode: "acquire" | "auto-assign";
  seed: number;
  faults: boolean;
  /** The functions as bundles for AWS, on emulators. */
  artifacts: boolean;
  json: boolean;
  help: boolean;
  servicePort: number;
  webhookPort: number;
}

const port = { min: 0, max: 65_535, default: 0 };

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;

const shared = {
  "scale-sets": text,
  clusters: text,
  mode: text,
  seed: text,
  json: flag,
  help: { type: "boolean", short: "h" },
} as const satisfies Options;

/** The flags of `demo` and of `start`. */
export const playOptions = {
  demo: { ...shared, jobs: text, faults: flag, artifacts: flag },
  start: { ...shared, port: text, "webhook-port": text },
} as const satisfies Record<string, Options>;

/** Throws UsageError for anything that is not what it says. */
export function readPlayFlags(
  args: string[],
  command: keyof typeof playOptions,
  defaultSeed: number,
): PlayFlags {
  checkNpm(args, command);
  const { values } = readAfterNpm(args, command);
  const given = values as Record<string, string | boolean | undefined>; // parseArgs' own type is a union of both shapes
  const word = (name: string) => given[name] as string | undefined;
  return {
    jobs: readInt("jobs", word("jobs"), { min: 1, max: 1_000, default: 40 }),
    scaleSets: readInt("scale-sets", word("scale-sets"), { min: 1, max: 50, default: 3 }),
    clusters: readInt("clusters", word("clusters"), { min: 1, max: 8, default: 2 }),
    mode: readChoice("mode", word("mode"), ["acquire", "auto-assign"]),
    seed: readInt("seed", word("seed"), { min: 0, max: 2 ** 31 - 1, default: defaultSeed }),
    faults: given["faults"] === true,
    artifacts: given["artifacts"] === true,
    json: given["json"] === true,
    help: given["help"] === true,
    servicePort: readInt("port", word("port"), port),
    webhookPort: readInt("webhook-port", word("webhook-port"), port),
  };
}

const npm = { demo: "npm run demo", start: "npm start" };

/** What a flag is for is lost when `--` is forgotten: a demo without its faults would be played, and called good. */
function checkNpm(args: readonly string[], command: keyof typeof playOptions) {
  const options: Options = playOptions[command];
  const kept = readFlagsKeptByNpm(command, Object.keys(options));
  if (kept.length === 0) return;
  const behind = kept.filter(({ flag, value }) => isText(options, flag) && value === "true");
  // npm has passed the values on as words; whose they are is clear where there is one of each.
  const words = args.filter((arg) => !arg.startsWith("-"));
  const only = behind.length === 1 && words.length === 1 ? words[0] : undefined;
  const flags = kept.map(({ flag, value }) => {
    if (!isText(options, flag)) return `--${flag}`;
    return `--${flag} ${value === "true" ? (only ?? "VALUE") : value}`;
  });
  const names = kept.map(({ flag }) => `--${flag}`).join(" and ");
  throw new UsageError(
    `npm has kept ${names} for itself: flags come after a -- of their own: ${npm[command]} -- ${flags.join(" ")}`,
  );
}

const isText = (options: Options, flag: string) => options[flag]?.type === "string";

function readAfterNpm(args: string[], command: keyof typeof playOptions) {
  try {
    return readFlags(args, playOptions[command]);
  } catch (cause) {
    if (!(cause instanceof UsageError) || !cause.message.startsWith("Unexpected argument")) {
      throw cause;
    }
    throw new UsageError(
      `${cause.message}, and with npm give flags after --: ${npm[command]} -- …`,
      {
        cause,
      },
    );
  }
}
