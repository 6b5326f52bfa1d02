// Why: the reconciler as a program, in a pod or on a desk: flags, access to the cluster, the way to GitHub, who leads,
// pages for the kubelet and Prometheus, and the end. Everything it does stands elsewhere.
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import {
  createInClusterAccess,
  readOwnNamespace,
  type OpenAccess,
} from "@runlet/kubernetes/access";
import { createKubernetesClient } from "@runlet/kubernetes/client";
import { openKubeconfigAccess } from "@runlet/kubernetes/kubeconfig-access";
import { createSystemClock } from "@runlet/runtime/clock";
import { describeFailure } from "@runlet/runtime/describe-failure";
import { UsageError } from "@runlet/runtime/flags";
import { createHttpFetch } from "@runlet/runtime/http";
import { createLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { readClusterPlace } from "@runlet/runtime/settings-environment";
import {
  callLimitMs,
  composeReconciler,
  userAgent,
  version,
  type ReconcilerPorts,
} from "./compose.ts";
import { flagsHelp, parseFlags, type Flags } from "./flags.ts";
import { createElection, type Election } from "./leader-election.ts";
import type { Term } from "./leader-term.ts";
import { openPages } from "./pages.ts";
import type { Reconciler } from "./reconciler.ts";
import { createServiceWays } from "./service-ways.ts";

const readText = (path: string) => readFile(path, "utf8");

async function run(flags: Flags): Promise<void> {
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.once(name, () => stop.abort(new Error(name)));
  }
  const clock = createSystemClock();
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  const wallMs = () => clock.wallMs();
  const log = createLog({ write, wallMs }, { level: flags.logLevel, fields: { version } });
  const access = await openAccess(flags, clock);
  const ways = createServiceWays(clock, ({ caPem, proxy }) =>
    createHttpFetch({ clock, ...(caPem && { extraCa: [caPem] }), ...(proxy && { proxy }) }),
  );
  const ports = { clock, random: createSystemRandom(), log, access, fetchFor: ways.fetchFor };
  const election = await createOwnElection(flags, ports);
  let reconciler: Reconciler | undefined;
  const pages = await openPages(flags, {
    clock,
    log,
    reconciler: () => reconciler,
    ...(election && { election }),
  });
  const lead = (term: Term) => {
    reconciler = composeReconciler(portsOf(term, ports), optionsOf(flags));
    return reconciler.run(term.stop).finally(() => (reconciler = undefined));
  };
  try {
    if (election) await election.run(stop.signal, lead);
    else await lead({ stop: stop.signal, guard: (fetch) => fetch });
    log.info("reconciler_stopped");
  } finally {
    pages.close();
    ways.close();
    access.close();
  }
}

/** The same ports, but only for as long as the term lasts. */
function portsOf(term: Term, ports: ReconcilerPorts): ReconcilerPorts {
  return {
    ...ports,
    access: { ...ports.access, fetch: term.guard(ports.access.fetch) },
    fetchFor: (way) => term.guard(ports.fetchFor(way)),
  };
}

function optionsOf({ namespaces, excludedLabelPrefixes, updateStrategy }: Flags) {
  return { excludedLabelPrefixes, updateStrategy, ...(namespaces.length > 0 && { namespaces }) };
}

async function openAccess(
  { kubeconfig: file, context }: Flags,
  clock: ReconcilerPorts["clock"],
): Promise<OpenAccess> {
  try {
    if (file !== undefined) return await openKubeconfigAccess({ clock }, { file, context });
    return await createInClusterAccess({ clock, readFile: readText }, readClusterPlace());
  } catch (cause) {
    const where =
      file === undefined ? "outside of a pod give --kubeconfig FILE" : `--kubeconfig ${file}`;
    throw new Error(where, { cause });
  }
}

async function createOwnElection(
  { election }: Flags,
  { clock, log, random, access }: ReconcilerPorts,
): Promise<Election | undefined> {
  if (!election) return undefined;
  const namespace = election.namespace ?? (await readOwnNamespace(readText).catch(noNamespace));
  const client = createKubernetesClient({ access, clock, userAgent, limitMs: callLimitMs });
  const identity = `${hostname()}_${Buffer.from(random.bytes(6)).toString("hex")}`;
  return createElection(
    { client, clock, log },
    { lease: { namespace, name: election.name }, identity },
  );
}

function noNamespace(): never {
  throw new UsageError("--leader-election-namespace NAME is needed outside of a pod");
}

async function main(args: string[]): Promise<number> {
  try {
    const flags = parseFlags(args);
    if (flags === "help") process.stdout.write(flagsHelp);
    else await run(flags);
    return 0;
  } catch (error) {
    const { line, code } = describeFailure(error);
    process.stderr.write(`runlet-reconciler: ${line}\n`);
    return code;
  }
}

process.exitCode = await main(process.argv.slice(2));
