// Why: the control plane on one machine, without AWS: real GitHub, real clusters, state in one SQLite file. To try
// Runlet on a laptop, or to run it as one container.
import { resolve } from "node:path";
import { createRegistry } from "@runlet/coordination/registry";
import { createSqliteTable } from "@runlet/coordination/sqlite-table";
import { openStateFile } from "@runlet/coordination/state-file";
import { openKubeconfigAccess } from "@runlet/kubernetes/kubeconfig-access";
import { createSystemClock, type Clock } from "@runlet/runtime/clock";
import { UsageError } from "@runlet/runtime/flags";
import { createHttpFetch } from "@runlet/runtime/http";
import { createLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { untilStopped } from "@runlet/runtime/until-stopped";
import { readHome } from "@runlet/runtime/settings-environment";
import { checkPort } from "../local/check-port.ts";
import { claimFolder } from "../local/claim-folder.ts";
import type { LocalConfig } from "../local/config.ts";
import { settingsOf } from "../local/config.ts";
import { startDeployment } from "../local/deployment.ts";
import { localEnvironment } from "../local/local-environment.ts";
import { createLocalSecrets } from "../local/local-secrets.ts";
import type { Command } from "../main.ts";
import { localOptions, readLocalFlags, type LocalFlags } from "./local-flags.ts";
import { lookAtCluster } from "./look-at-cluster.ts";
import { registerGiven } from "./register-given.ts";
import { tellFirstSweep } from "./tell-first-sweep.ts";

const help = `runlet local: the control plane on one machine, for real GitHub and real clusters

usage: npx runlet local --kubeconfig [NAME=]FILE … --github SCOPE_URL=FILE … [flags]

  --kubeconfig [NAME=]FILE   a cluster; NAME defaults to the file's name. Repeat for more
  --context [NAME=]CONTEXT   a context of that cluster's file (default: its current one); NAME where there are several
  --github SCOPE_URL=FILE    the credential of an enterprise, organization or repository: a PAT on one line, or
                             JSON with github_app_id, github_app_installation_id, github_app_private_key. Repeat
  --webhook-port N           take GitHub's webhooks on this port (default: any free one)
  --webhook-secret-file FILE the webhook's secret; repeat once while it is being changed
  --webhook SCOPE_URL[=ID]   ask GitHub each minute for failed deliveries of this webhook and have them sent again:
                             an organization's or repository's webhook by its id, an App's own without. Repeat
  --state FILE               state file (default .runlet/local/state.sqlite)
  --rest-after-minutes N     close the sessions of scale sets that were quiet this long (default: never)
  --log-level L              debug, info, warn, error (default info)

Each cluster needs the reconciler; only namespaces labelled runlet.dev/managed=true are touched.
Exit codes: 0 after SIGINT or SIGTERM, 2 for a mistake in the call, 1 for everything else.
`;

export const localCommand: Command = {
  summary: "the control plane on one machine, for real GitHub and real clusters",
  options: localOptions,
  async run(args) {
    const home = resolve(readHome(), "local");
    const flags = readLocalFlags(args, home);
    if (flags !== "help") return local(flags, home);
    process.stdout.write(help);
    return 0;
  },
};

async function local({ config, webhookPort }: LocalFlags, home: string): Promise<number> {
  const stopped = untilStopped();
  const clock = createSystemClock();
  const random = createSystemRandom();
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  const log = createLog({ write, wallMs: () => clock.wallMs() }, { level: config.logLevel });
  await checkPort("webhook-port", webhookPort);
  for (const cluster of config.clusters) await checkKubeconfig(clock, cluster);
  const release = claimFolder(home);
  const file = await openStateFile({ clock, random }, config.stateFile);
  const registry = createRegistry({
    table: createSqliteTable({ clock, random }, file),
    clock,
    random,
    log,
  });
  const say = (line: string) => void process.stderr.write(`runlet local: ${line}\n`);
  const clustersCount = await registerGiven({ registry, say }, config);
  const rows = (await registry.listClusters()).map(({ row }) => row);
  file.close();
  const fetch = createHttpFetch({ clock });
  const settings = settingsOf({ ...config, invokeUrl: "" });
  const { accessTo } = createLocalSecrets({ clock, random, log }, config);
  const explain = async (cluster: string) => {
    const row = rows.find(({ name }) => name === cluster);
    return row && (await lookAtCluster({ clock, label: config.stateFile, accessTo }, row)).silent;
  };
  const tell = tellFirstSweep({ say, explain }, clustersCount);
  const onSweep = (answer: string) => void tell(answer);
  const deployment = await startDeployment(
    { clock, random, log, fetch },
    { environment: localEnvironment(config, home), settings, webhookPort, onLine: write, onSweep },
  );
  deployment.startSweeping();
  log.info("ready", {
    webhook: `${deployment.webhookUrl}/webhook`,
    clusters: config.clusters.map(({ name }) => name),
  });
  await stopped;
  await deployment.stop();
  fetch.close();
  release();
  return 0;
}

/** A kubeconfig that can never work is said now, not once a minute: UsageError. The cluster itself may be down. */
async function checkKubeconfig(
  clock: Clock,
  { name, kubeconfig: file, context }: LocalConfig["clusters"][number],
): Promise<void> {
  try {
    (await openKubeconfigAccess({ clock }, { file, context })).close();
  } catch (cause) {
    const chosen = context === undefined ? "" : ` --context ${name}=${context}`;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`--kubeconfig ${name}=${file}${chosen}: ${why}`, { cause });
  }
}
