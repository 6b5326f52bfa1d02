// Why: the control plane on one machine, without AWS: real GitHub, real clusters, state in one SQLite file. To try
// Runlet on a laptop, or to run it as one container.
import { accessSync, constants, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseConfigUrl } from "@runlet/actions-service/config-url";
import { parseCredential } from "@runlet/coordination/credentials";
import { createRegistry } from "@runlet/coordination/registry";
import { createSqliteTable } from "@runlet/coordination/sqlite-table";
import { openStateFile } from "@runlet/coordination/state-file";
import { openKubeconfigAccess } from "@runlet/kubernetes/kubeconfig-access";
import { createSystemClock, type Clock } from "@runlet/runtime/clock";
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
import type { Command } from "../main.ts";
import { readChoice, readFlags, readInt, UsageError, type Options } from "@runlet/runtime/flags";

const help = `runlet local: the control plane on one machine, for real GitHub and real clusters

usage: npx runlet local --kubeconfig [NAME=]FILE … --github SCOPE_URL=FILE … [flags]

  --kubeconfig [NAME=]FILE   a cluster; NAME defaults to the file's name. Repeat for more
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
`;

const options = {
  kubeconfig: { type: "string", multiple: true },
  github: { type: "string", multiple: true },
  "webhook-port": { type: "string" },
  "webhook-secret-file": { type: "string", multiple: true },
  webhook: { type: "string", multiple: true },
  state: { type: "string" },
  "rest-after-minutes": { type: "string" },
  "log-level": { type: "string" },
  help: { type: "boolean", short: "h" },
} as const satisfies Options;

export const localCommand: Command = {
  summary: "the control plane on one machine, for real GitHub and real clusters",
  options,
  async run(args) {
    const { values } = readFlags(args, options);
    if (values.help) {
      process.stdout.write(help);
      return 0;
    }
    const home = resolve(readHome(), "local");
    const minutes = values["rest-after-minutes"];
    const limits = { min: 1, max: 1_440, default: 0 };
    const restAfterMs = readInt("rest-after-minutes", minutes, limits) * 60_000;
    const config: Omit<LocalConfig, "invokeUrl"> = {
      profile: "cloud",
      stateFile: resolve(values.state ?? join(home, "state.sqlite")),
      keyFile: join(home, "data-key"),
      clusters: need("kubeconfig", values.kubeconfig).map(readCluster),
      github: need("github", values.github).map(readScope),
      webhookSecretFiles: (values["webhook-secret-file"] ?? []).map((file) =>
        readable("webhook-secret-file", file),
      ),
      webhooks: (values.webhook ?? []).map(readWebhook),
      logLevel: readChoice("log-level", values["log-level"] ?? "info", [
        "debug",
        "info",
        "warn",
        "error",
      ]),
      ...(restAfterMs > 0 && { restAfterMs }),
    };
    const port = { min: 0, max: 65_535, default: 0 };
    return local(config, home, readInt("webhook-port", values["webhook-port"], port));
  },
};

function need(flag: string, values: string[] | undefined): string[] {
  if (values && values.length > 0) return values;
  throw new UsageError(`--${flag} is missing; see --help`);
}

function readable(flag: string, file: string): string {
  const path = resolve(file);
  try {
    accessSync(path, constants.R_OK);
    return path;
  } catch {
    throw new UsageError(`--${flag} ${file}: the file cannot be read`);
  }
}

function readCluster(text: string): LocalConfig["clusters"][number] {
  const [, given, file = text] = /^([a-z0-9-]+)=(.+)$/.exec(text) ?? [];
  const path = readable("kubeconfig", file);
  const name = given ?? (file.split("/").at(-1) ?? "").replace(/\.(ya?ml|conf)$/, "").toLowerCase();
  if (/^[a-z0-9][a-z0-9-]*$/.test(name)) return { name, kubeconfig: path };
  throw new UsageError(`--kubeconfig ${text}: give the cluster a name, as in east=${file}`);
}

function readScope(text: string): LocalConfig["github"][number] {
  const at = text.lastIndexOf("=");
  if (at < 0) throw new UsageError(`--github ${text}: give it as SCOPE_URL=FILE`);
  const scope = text.slice(0, at);
  try {
    parseConfigUrl(scope);
  } catch (error) {
    throw new UsageError(`--github: ${error instanceof Error ? error.message : String(error)}`);
  }
  const file = readable("github", text.slice(at + 1));
  try {
    parseCredential(readFileSync(file, "utf8"), file);
  } catch (error) {
    throw new UsageError(`--github: ${error instanceof Error ? error.message : String(error)}`);
  }
  return { scope, file };
}

function readWebhook(text: string): NonNullable<LocalConfig["webhooks"]>[number] {
  const [, scope = text, id] = /^(.+)=(\d{1,12})$/.exec(text) ?? [];
  try {
    parseConfigUrl(scope);
  } catch (error) {
    throw new UsageError(`--webhook: ${error instanceof Error ? error.message : String(error)}`);
  }
  return { scope, ...(id !== undefined && { hookId: Number(id) }) };
}

async function local(
  config: Omit<LocalConfig, "invokeUrl">,
  home: string,
  webhookPort: number,
): Promise<number> {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  const log = createLog({ write, wallMs: () => clock.wallMs() }, { level: config.logLevel });
  await checkPort(webhookPort);
  for (const { name, kubeconfig } of config.clusters)
    await checkKubeconfig(clock, name, kubeconfig);
  const release = claimFolder(home);
  const file = await openStateFile({ clock, random }, config.stateFile);
  const registry = createRegistry({
    table: createSqliteTable({ clock, random }, file),
    clock,
    random,
    log,
  });
  for (const { name } of config.clusters) {
    const known = (await registry.listClusters()).some(({ row }) => row.name === name);
    if (!known) await registry.putCluster({ name, accessRef: name }, undefined);
  }
  file.close();
  const fetch = createHttpFetch({ clock });
  const settings = settingsOf({ ...config, invokeUrl: "" });
  const deployment = await startDeployment(
    { clock, random, log, fetch },
    { config, settings, home, webhookPort, onLine: write },
  );
  deployment.startSweeping();
  log.info("ready", {
    webhook: `${deployment.webhookUrl}/webhook`,
    clusters: config.clusters.map(({ name }) => name),
  });
  await untilStopped();
  await deployment.stop();
  fetch.close();
  release();
  return 0;
}

/** A kubeconfig that can never work is said now, not once a minute. The cluster itself may be down. */
async function checkKubeconfig(clock: Clock, name: string, file: string): Promise<void> {
  try {
    (await openKubeconfigAccess({ clock }, { file })).close();
  } catch (error) {
    throw new Error(`--kubeconfig ${name}=${file}`, { cause: error });
  }
}
