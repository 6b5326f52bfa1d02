// Why: a mistake in the call is told in one line that names the flag, the value and the remedy.
import { parseArgs } from "node:util";
import type { LogLevel } from "@runlet/runtime/log";

export interface Flags {
  kubeconfig?: string;
  context?: string;
  /** Empty: every namespace labelled runlet.dev/managed=true. */
  namespaces: string[];
  excludedLabelPrefixes: string[];
  probePort: number;
  logLevel: LogLevel;
}

/** A mistake of the caller's: one line, exit code 2. */
export class FlagError extends Error {
  override name = "FlagError";
}

export const flagsHelp = `runlet-reconciler: makes runners for the AutoscalingRunnerSets of a cluster

  --kubeconfig FILE                       reach the cluster as kubectl does; default: as the pod's service account
  --context NAME                          a context of that file; default: its current one
  --namespace NAME                        act here, whatever its labels say; may be repeated.
                                          default: every namespace labelled runlet.dev/managed=true
  --exclude-label-propagation-prefix P    labels that begin so stay off runners; may be repeated
  --probe-port N                          serves /healthz and /readyz (default 8081; 0: any free port)
  --log-level LEVEL                       debug, info (default), warn or error
  --help

Exit codes: 0 after SIGTERM or SIGINT, 2 for a mistake in the call, 1 for everything else.
`;

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Throws FlagError. */
export function parseFlags(args: string[]): Flags | "help" {
  const values = readValues(args);
  if (values.help) return "help";
  const logLevel = levels.find((level) => level === (values["log-level"] ?? "info"));
  if (!logLevel) {
    throw new FlagError(`--log-level ${values["log-level"]}: give one of ${levels.join(", ")}`);
  }
  if (values.context !== undefined && values.kubeconfig === undefined) {
    throw new FlagError("--context needs --kubeconfig FILE");
  }
  for (const name of values.namespace ?? []) {
    if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) {
      throw new FlagError(`--namespace ${name}: that is no name of a namespace`);
    }
  }
  return {
    ...(values.kubeconfig === undefined ? {} : { kubeconfig: values.kubeconfig }),
    ...(values.context === undefined ? {} : { context: values.context }),
    namespaces: values.namespace ?? [],
    excludedLabelPrefixes: values["exclude-label-propagation-prefix"] ?? [],
    probePort: parsePort(values["probe-port"] ?? "8081"),
    logLevel,
  };
}

function readValues(args: string[]) {
  try {
    return parseArgs({
      args,
      strict: true,
      options: {
        kubeconfig: { type: "string" },
        context: { type: "string" },
        namespace: { type: "string", multiple: true },
        "exclude-label-propagation-prefix": { type: "string", multiple: true },
        "probe-port": { type: "string" },
        "log-level": { type: "string" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new FlagError(`${text.split(". ")[0]}; see --help`);
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new FlagError(`--probe-port ${text}: give a whole number from 0 to 65535`);
}
