// Why: a credential comes as a token, as a GitHub App's three parts, or as the Secret that ARC's users have in a cluster
// already. Whatever it was, it is kept in one form, that of ARC's config secret, and checked before it is kept.
import { parseCredential, type ScopeCredential } from "@runlet/coordination/credentials";
import type { KubernetesClient, KubernetesObject } from "@runlet/kubernetes/client";
import { KubernetesError } from "@runlet/kubernetes/client";
import { openKubeconfigAccess } from "@runlet/kubernetes/kubeconfig-access";
import { secrets } from "@runlet/kubernetes/resources";
import { quote, UsageError } from "@runlet/runtime/flags";
import { clientOf, getCluster, withCluster } from "./cluster-client.ts";
import type { Place } from "./place.ts";
import { readFileFlag } from "./read-file-flag.ts";
import { textOf, type Values } from "./verbs.ts";

export interface GivenCredential {
  /** As it is stored: JSON with the entries of ARC's config secret. */
  text: string;
  parsed: ScopeCredential;
}

const appFlags = ["app-id", "installation-id", "key-file"] as const;

/** Throws UsageError for flags that do not go together, CredentialUnreadable for what they hold. */
export async function readCredentialFlags(
  values: Values,
  open: () => Promise<Place>,
): Promise<GivenCredential> {
  const isApp = appFlags.some((flag) => values[flag] !== undefined);
  const [token, secret] = [textOf(values, "token-file"), textOf(values, "from-secret")];
  if ([token !== undefined, isApp, secret !== undefined].filter(Boolean).length !== 1) {
    throw new UsageError(
      "give one of --token-file FILE, --app-id with --installation-id and --key-file, or --from-secret CLUSTER/NS/NAME",
    );
  }
  const entries =
    secret !== undefined
      ? await readSecret(await open(), secret, textOf(values, "kubeconfig"))
      : token !== undefined
        ? { github_token: readToken(token) }
        : readApp(values);
  const text = JSON.stringify({ ...entries, ...readWay(values) });
  return { text, parsed: parseCredential(text, secret ?? "what the flags say") };
}

function readToken(file: string): string {
  const token = readFileFlag("token-file", file).trim();
  if (/^\S+$/.test(token)) return token;
  throw new UsageError(`--token-file ${file}: it must hold the token on one line`);
}

/** What is needed on the way to this GitHub. */
function readWay(values: Values): { ca?: string; proxy?: string } {
  const [file, proxy] = [textOf(values, "ca"), textOf(values, "proxy")];
  if (proxy !== undefined && !/^https?:\/\/[^/\s]/.test(proxy)) {
    // It may hold a password.
    const shown = proxy.replace(/^.*@/, "***@");
    throw new UsageError(`--proxy ${shown}: give it as http://HOST:PORT`);
  }
  const ca = file === undefined ? undefined : readFileFlag("ca", file);
  if (ca !== undefined && !ca.includes("-----BEGIN CERTIFICATE-----"))
    throw new UsageError(`--ca ${file}: it holds no certificate as PEM`);
  return { ...(ca !== undefined && { ca }), ...(proxy !== undefined && { proxy }) };
}

function readApp(values: Values): Record<string, string> {
  const missing = appFlags.find((flag) => values[flag] === undefined);
  if (missing) throw new UsageError(`a GitHub App needs --${missing}, too`);
  const [id = "", installation = "", file = ""] = appFlags.map((flag) => textOf(values, flag));
  if (!/^[\w.-]+$/.test(id)) {
    throw new UsageError(
      `--app-id ${quote(id)}: give the App's id or client id, as its settings at GitHub show it`,
    );
  }
  if (!/^[1-9]\d*$/.test(installation)) {
    throw new UsageError(
      `--installation-id ${quote(installation)}: give the number at the end of the installation's page`,
    );
  }
  const key = readFileFlag("key-file", file);
  if (!key.includes("PRIVATE KEY")) {
    throw new UsageError(
      `--key-file ${file}: it holds no private key as PEM; the App's settings make one ("Generate a private key")`,
    );
  }
  return {
    github_app_id: id,
    github_app_installation_id: installation,
    github_app_private_key: key,
  };
}

/** ARC's names of its config secret's entries. */
const entryNames = [
  "github_token",
  "github_app_id",
  "github_app_installation_id",
  "github_app_private_key",
];

/** The entries of the Secret `CLUSTER/NAMESPACE/NAME`, by the administrator's kubeconfig if one is given. */
async function readSecret(place: Place, path: string, file: string | undefined) {
  const [, cluster = "", namespace = "", name = ""] =
    /^([^/]+)\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  if (!name) throw new UsageError(`--from-secret ${path}: give it as CLUSTER/NAMESPACE/NAME`);
  const find = (client: KubernetesClient) =>
    client.find<KubernetesObject & { data?: Record<string, string> }>(secrets, { namespace, name });
  const found = await (
    file === undefined
      ? withCluster(place, (await getCluster(await place.registry(), cluster)).row, find)
      : withKubeconfig(place, file, find)
  ).catch((cause: unknown) => {
    if (!(cause instanceof KubernetesError && cause.status === 403)) throw cause;
    throw new Error(
      `the control plane's account may read no Secrets, on purpose: add --kubeconfig FILE of somebody who may`,
      { cause },
    );
  });
  if (!found) throw new Error(`cluster ${cluster} has no Secret ${namespace}/${name}`);
  const decoded = (key: string) => Buffer.from(found.data?.[key] ?? "", "base64").toString("utf8");
  return Object.fromEntries(
    entryNames.flatMap((key) => (found.data?.[key] ? [[key, decoded(key).trim()]] : [])),
  );
}

async function withKubeconfig<T>(
  { clock }: Place,
  file: string,
  use: (client: KubernetesClient) => Promise<T>,
): Promise<T> {
  readFileFlag("kubeconfig", file);
  const access = await openKubeconfigAccess({ clock }, { file });
  try {
    return await use(clientOf({ clock }, access));
  } finally {
    access.close();
  }
}
