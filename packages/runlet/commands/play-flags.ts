// Why: demo and start build the same world from the same flags.
import { readChoice, readFlags, readInt, type Options } from "@runlet/runtime/flags";

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
  const { values } = readFlags(args, playOptions[command]);
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
