// Why: what `runlet local` is given by hand is checked before anything is opened: each mistake is one line that names
// the flag, the value (never a secret) and the remedy.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseConfigUrl } from "@runlet/actions-service/config-url";
import { parseCredential } from "@runlet/coordination/credentials";
import {
  quote,
  readChoice,
  readFlags,
  readInt,
  UsageError,
  type Options,
} from "@runlet/runtime/flags";
import type { LocalConfig } from "../local/config.ts";

/** What the parser accepts. */
export const localOptions = {
  kubeconfig: { type: "string", multiple: true },
  context: { type: "string", multiple: true },
  github: { type: "string", multiple: true },
  "webhook-port": { type: "string" },
  "webhook-secret-file": { type: "string", multiple: true },
  webhook: { type: "string", multiple: true },
  state: { type: "string" },
  "rest-after-minutes": { type: "string" },
  "log-level": { type: "string" },
  help: { type: "boolean", short: "h" },
} as const satisfies Options;

export interface LocalFlags {
  config: Omit<LocalConfig, "invokeUrl">;
  webhookPort: number;
}

type Cluster = LocalConfig["clusters"][number];

/** The files that it names are read and checked; `home` holds what is not named. Throws UsageError. */
export function readLocalFlags(args: string[], home: string): LocalFlags | "help" {
  const { values } = readFlags(args, localOptions);
  if (values.help) return "help";
  const { kubeconfig = [], context = [], github = [], webhook = [] } = values;
  needBoth(kubeconfig, github);
  const minutes = values["rest-after-minutes"];
  const rest = readInt("rest-after-minutes", minutes, { min: 1, max: 1_440, default: undefined });
  const port = { min: 0, max: 65_535, default: 0 };
  const config: LocalFlags["config"] = {
    profile: "cloud",
    stateFile: readState(values.state ?? join(home, "state.sqlite")),
    keyFile: join(home, "data-key"),
    clusters: withContexts(once("kubeconfig", kubeconfig.map(readCluster), "name"), context),
    github: once("github", github.map(readScope), "scope"),
    webhookSecretFiles: (values["webhook-secret-file"] ?? []).map(readSecretFile),
    webhooks: webhook.map(readWebhook),
    logLevel: readChoice("log-level", values["log-level"] ?? "info", levels),
    ...(rest !== undefined && { restAfterMs: rest * 60_000 }),
  };
  return { config, webhookPort: readInt("webhook-port", values["webhook-port"], port) };
}

const levels = ["debug", "info", "warn", "error"] as const;

function needBoth(kubeconfig: string[], github: string[]): void {
  const missing = [
    ...(kubeconfig.length === 0 ? ["--kubeconfig [NAME=]FILE"] : []),
    ...(github.length === 0 ? ["--github SCOPE_URL=FILE"] : []),
  ];
  if (missing.length === 0) return;
  throw new UsageError(`missing: ${missing.join(" and ")}; see --help`);
}

/** Two files for one cluster or scope: one of them would never be looked at. */
function once<K extends string, T extends Record<K, string>>(flag: string, given: T[], by: K): T[] {
  const names = given.map((one) => one[by]);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice === undefined) return given;
  throw new UsageError(`--${flag} is given twice for ${twice}: give it once`);
}

function readText(flag: string, file: string, given = file): string {
  const shown = `--${flag} ${quote(given)}`;
  if (file === "") throw new UsageError(`${shown}: name a file`);
  try {
    if (!statSync(file).isDirectory()) return readFileSync(file, "utf8");
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException; // node:fs throws nothing else
    const why = code === "ENOENT" ? "there is no such file" : `the file cannot be read (${code})`;
    throw new UsageError(`${shown}: ${why}`, { cause });
  }
  throw new UsageError(`${shown}: that is a folder; name a file in it`);
}

function readCluster(text: string): Cluster {
  const [, given, file = text] = /^([a-z0-9][a-z0-9-]*)=(.+)$/.exec(text) ?? [];
  const name = given ?? (file.split("/").at(-1) ?? "").replace(/\.(ya?ml|conf)$/, "").toLowerCase();
  const misnamed = (path: string) =>
    new UsageError(
      `--kubeconfig ${quote(text)}: name the cluster with small letters, digits and -, as in east=${path}`,
    );
  // A file may have = in its name; what is none was meant as a name.
  const [, path] = given === undefined ? (/^[^/=]*=(.+)$/.exec(text) ?? []) : [];
  if (path !== undefined && !existsSync(text)) throw misnamed(path);
  readText("kubeconfig", file, text);
  if (/^[a-z0-9][a-z0-9-]*$/.test(name)) return { name, kubeconfig: resolve(file) };
  throw misnamed(file);
}

/** `NAME=CONTEXT`, or CONTEXT alone when there is one cluster. Contexts may hold any character. */
function withContexts(clusters: Cluster[], contexts: string[]): Cluster[] {
  const chosen = new Map<string, string>();
  for (const text of contexts) {
    const named = clusters.find(({ name }) => text.startsWith(`${name}=`));
    const cluster = named ?? (clusters.length === 1 ? clusters[0] : undefined);
    const context = named ? text.slice(named.name.length + 1) : text;
    if (!cluster || context === "") {
      const names = clusters.map(({ name }) => name).join(", ");
      throw new UsageError(
        `--context ${quote(text)}: give it as NAME=CONTEXT, NAME one of ${names}`,
      );
    }
    chosen.set(cluster.name, context);
  }
  return clusters.map((cluster) => {
    const context = chosen.get(cluster.name);
    return context === undefined ? cluster : { ...cluster, context };
  });
}

function readScope(text: string): LocalConfig["github"][number] {
  const at = text.lastIndexOf("=");
  if (at < 0) {
    const example = "https://github.com/my-org=token-file";
    throw new UsageError(`--github ${quote(text)}: give it as SCOPE_URL=FILE, as in ${example}`);
  }
  const scope = checkUrl("github", text.slice(0, at));
  const file = resolve(text.slice(at + 1));
  const credential = readText("github", text.slice(at + 1));
  inFlag("github", () => parseCredential(credential, file));
  return { scope, file };
}

function readWebhook(text: string): NonNullable<LocalConfig["webhooks"]>[number] {
  const [, scope = text, id] = /^(.+)=(\d{1,12})$/.exec(text) ?? [];
  return { scope: checkUrl("webhook", scope), ...(id !== undefined && { hookId: Number(id) }) };
}

/** It need not be there yet. */
function readState(file: string): string {
  const is = file === "" ? undefined : statSync(file, { throwIfNoEntry: false });
  if (file !== "" && is?.isDirectory() !== true) return resolve(file);
  throw new UsageError(`--state ${quote(file)}: name a file, as in --state state.sqlite`);
}

function readSecretFile(file: string): string {
  if (readText("webhook-secret-file", file).trim() !== "") return resolve(file);
  throw new UsageError(
    `--webhook-secret-file ${file}: the file is empty; put the webhook's secret into it`,
  );
}

function checkUrl(flag: string, url: string): string {
  inFlag(flag, () => parseConfigUrl(url));
  return url;
}

/** What others refuse by name becomes a mistake of that flag. */
function inFlag(flag: string, read: () => unknown): void {
  try {
    read();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`--${flag}: ${why}`, { cause });
  }
}
