// Why: the reconciler as a program, in a pod or on a desk: flags, access to the cluster, the way to GitHub, a port
// for probes, and the end. Everything it does stands elsewhere; this is its composition.
import { readFile } from "node:fs/promises";
import { createActionsService } from "@runlet/actions-service/client";
import { createInClusterAccess, type OpenAccess } from "@runlet/kubernetes/access";
import { openKubeconfigAccess } from "@runlet/kubernetes/kubeconfig-access";
import { createKubernetesClient } from "@runlet/kubernetes/client";
import { createWatchedKind } from "@runlet/kubernetes/watch";
import { createSystemClock, type Clock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";
import { createLog, describeError, type Log } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { readClusterPlace } from "@runlet/runtime/settings-environment";
import { FlagError, flagsHelp, parseFlags, type Flags } from "./flags.ts";
import { serveProbes } from "./probes.ts";
import { createReconciler } from "./reconciler.ts";
import type { ServiceFactory } from "./services.ts";

const version = "0.1.0";
/** Of a call to the cluster or to the service, retries included. */
const callLimitMs = 10_000;

async function openAccess(clock: Clock, flags: Flags): Promise<OpenAccess> {
  if (flags.kubeconfig === undefined) {
    const read = (path: string) => readFile(path, "utf8");
    return createInClusterAccess({ clock, readFile: read }, readClusterPlace());
  }
  const { kubeconfig: file, context } = flags;
  return openKubeconfigAccess({ clock }, { file, context });
}

/** A client of the service with the CA and proxy of its set. */
function serviceFactory(clock: Clock, log: Log): ServiceFactory {
  const random = createSystemRandom();
  return ({ configUrl, credential, caPem, proxy }) =>
    createActionsService({
      fetch: createHttpFetch({
        clock,
        ...(caPem === undefined ? {} : { extraCa: [caPem] }),
        ...(proxy === undefined ? {} : { proxy }),
      }),
      clock,
      random,
      log,
      configUrl,
      credential,
      limitMs: callLimitMs,
      system: { name: "runlet", version, subsystem: "reconciler" },
    });
}

async function run(flags: Flags): Promise<number> {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  const log = createLog({ write, wallMs: () => clock.wallMs() }, { level: flags.logLevel });
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.once(name, () => stop.abort(new Error(name)));
  }
  const access = await openAccess(clock, flags);
  const userAgent = `runlet-reconciler/${version}`;
  const client = createKubernetesClient({ access, clock, userAgent, limitMs: callLimitMs });
  const reconciler = createReconciler(
    {
      client,
      clock,
      random,
      log,
      version,
      serviceFor: serviceFactory(clock, log),
      watch: (options) => createWatchedKind({ client, clock, random, log }, options),
    },
    {
      excludedLabelPrefixes: flags.excludedLabelPrefixes,
      ...(flags.namespaces.length > 0 ? { namespaces: flags.namespaces } : {}),
    },
  );
  const probes = await serveProbes(flags.probePort, () => reconciler.ready());
  try {
    await reconciler.run(stop.signal);
    log.info("reconciler_stopped");
    return 0;
  } finally {
    probes.close();
    access.close();
  }
}

async function main(args: string[]): Promise<number> {
  try {
    const flags = parseFlags(args);
    if (flags !== "help") return await run(flags);
    process.stdout.write(flagsHelp);
    return 0;
  } catch (error) {
    const usage = error instanceof FlagError;
    process.stderr.write(`runlet-reconciler: ${usage ? error.message : describeError(error)}\n`);
    return usage ? 2 : 1;
  }
}

// Sockets of the service's clients are kept alive; nobody waits for them.
process.exit(await main(process.argv.slice(2)));
