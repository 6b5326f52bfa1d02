// Why: a mistake in the call is told in one line that names the flag, the value and the remedy.
import { readChoice, readFlags, readInt, UsageError } from "@runlet/runtime/flags";
import type { LogLevel } from "@runlet/runtime/log";

export interface Flags {
  kubeconfig?: string;
  context?: string;
  /** Empty: every namespace labelled runlet.dev/managed=true. */
  namespaces: string[];
  excludedLabelPrefixes: string[];
  probePort: number;
  /** Undefined: no metrics. */
  metrics?: { host?: string; port: number };
  /** Undefined: this is the only replica. Without a namespace: the pod's own. */
  election?: { name: string; namespace?: string };
  /** What a changed template does to a set whose runners work with the old one. */
  updateStrategy: "immediate" | "eventual";
  logLevel: LogLevel;
}

export const flagsHelp = `runlet-reconciler: makes runners for the AutoscalingRunnerSets of a cluster

  --kubeconfig FILE                       reach the cluster as kubectl does; default: as the pod's service account
  --context NAME                          a context of that file; default: its current one
  --namespace NAME                        act here, whatever its labels say; may be repeated.
                                          default: every namespace labelled runlet.dev/managed=true
  --exclude-label-propagation-prefix P    labels that begin so stay off runners; may be repeated
  --probe-port N                          serves /healthz and /readyz (default 8081; 0: any free port)
  --metrics-addr HOST:PORT                serves Prometheus on /metrics (default :8080; "0": not at all)
  --enable-leader-election                of several replicas one acts: whoever holds the Lease
  --leader-election-id NAME               of that Lease (default runlet-reconciler)
  --leader-election-namespace NAME        where it is; default: the pod's own namespace
  --update-strategy S                     after a change of a set's template: immediate (default) makes new runners
                                          beside busy old ones, eventual waits until the last old one has gone
  --log-level LEVEL                       debug, info (default), warn or error
  --help

Exit codes: 0 after SIGTERM or SIGINT, 2 for a mistake in the call, 1 for everything else.
`;

const levels = ["debug", "info", "warn", "error"] as const satisfies LogLevel[];
const strategies = ["immediate", "eventual"] as const;

const ports = { min: 0, max: 65_535 };

/** Throws UsageError. */
export function parseFlags(args: string[]): Flags | "help" {
  const values = readValues(args);
  if (values.help) return "help";
  const logLevel = readChoice("log-level", values["log-level"] ?? "info", levels);
  if (values.context !== undefined && values.kubeconfig === undefined) {
    throw new UsageError("--context needs --kubeconfig FILE");
  }
  for (const name of values.namespace ?? []) checkNamespace("--namespace", name);
  const metrics = parseMetricsAddress(values["metrics-addr"] ?? ":8080");
  const election = readElection(values);
  return {
    ...(values.kubeconfig === undefined ? {} : { kubeconfig: values.kubeconfig }),
    ...(values.context === undefined ? {} : { context: values.context }),
    namespaces: values.namespace ?? [],
    excludedLabelPrefixes: values["exclude-label-propagation-prefix"] ?? [],
    probePort: readInt("probe-port", values["probe-port"], { ...ports, default: 8_081 }),
    ...(metrics && { metrics }),
    ...(election && { election }),
    updateStrategy: readChoice("update-strategy", values["update-strategy"], strategies),
    logLevel,
  };
}

function readValues(args: string[]) {
  return readFlags(args, {
    kubeconfig: { type: "string" },
    context: { type: "string" },
    namespace: { type: "string", multiple: true },
    "exclude-label-propagation-prefix": { type: "string", multiple: true },
    "probe-port": { type: "string" },
    "metrics-addr": { type: "string" },
    "enable-leader-election": { type: "boolean" },
    "leader-election-id": { type: "string" },
    "leader-election-namespace": { type: "string" },
    "update-strategy": { type: "string" },
    "log-level": { type: "string" },
    help: { type: "boolean", short: "h" },
  }).values;
}

function readElection(values: ReturnType<typeof readValues>): Flags["election"] {
  const { "leader-election-id": name = "runlet-reconciler" } = values;
  const { "leader-election-namespace": namespace } = values;
  if (!values["enable-leader-election"]) {
    const stray = ["leader-election-id", "leader-election-namespace"] as const;
    const given = stray.find((flag) => values[flag] !== undefined);
    if (given) throw new UsageError(`--${given} needs --enable-leader-election`);
    return undefined;
  }
  if (!/^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/.test(name)) {
    throw new UsageError(`--leader-election-id ${name}: that is no name of a Lease`);
  }
  if (namespace === undefined) return { name };
  checkNamespace("--leader-election-namespace", namespace);
  return { name, namespace };
}

function checkNamespace(flag: string, name: string): void {
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) {
    throw new UsageError(`${flag} ${name}: that is no name of a namespace`);
  }
}

/** As ARC's flag of that name: ":8080", "127.0.0.1:8080", "[::1]:8080" or "0". */
function parseMetricsAddress(text: string): Flags["metrics"] {
  if (text === "0") return undefined;
  const at = text.lastIndexOf(":");
  if (at < 0) throw new UsageError(`--metrics-addr ${text}: give HOST:PORT, :PORT or 0`);
  const host = text.slice(0, at).replace(/^\[(.*)\]$/, "$1");
  const port = readInt("metrics-addr", text.slice(at + 1), { ...ports, default: 0 });
  return host === "" ? { port } : { host, port };
}
