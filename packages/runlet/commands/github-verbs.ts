// Why: the verbs of `runlet github`: a credential is tried before it is kept, and asked about again whenever somebody wants.
import { parseConfigUrl } from "@runlet/actions-service/config-url";
import type { ScopeCredential } from "@runlet/coordination/credentials";
import { credentialNames } from "@runlet/coordination/secret-credentials";
import { UsageError } from "@runlet/runtime/flags";
import { checkGithub, type Finding } from "./check-github.ts";
import { readCredentialFlags } from "./github-credential.ts";
import type { Place } from "./place.ts";
import { readFileFlag } from "./read-file-flag.ts";
import { textOf, type Answer, type Call, type Values, type Verb } from "./verbs.ts";

const credentialFlags = [
  "token-file",
  "app-id",
  "installation-id",
  "key-file",
  "from-secret",
  "kubeconfig",
  "ca",
  "proxy",
] as const;
const webhookFlags = ["webhook-url", "webhook-secret-file"] as const;

export const addGithub: Verb = {
  takes: "SCOPE_URL",
  flags: [...credentialFlags, ...webhookFlags],
  creates: true,
  run: (call) => keep(call, false),
};

export const rotateGithub: Verb = {
  takes: "SCOPE_URL",
  flags: [...credentialFlags, ...webhookFlags],
  run: (call) => keep(call, true),
};

export const checkScope: Verb = {
  takes: "SCOPE_URL",
  flags: webhookFlags,
  async run({ names, values, open }) {
    const scopeUrl = readScope(names[0]);
    const place = await open();
    const credential = await place.credentials.find(scopeUrl);
    if (!credential) {
      throw new Error(`no credential for ${scopeUrl} is in ${place.label}: runlet github add`);
    }
    return ask(place, scopeUrl, credential, values);
  },
};

export const listGithub: Verb = {
  takes: "",
  flags: [],
  async run({ open }) {
    const place = await open();
    const prefix = place.secretName("github/");
    const names = await place.secrets.list(prefix);
    // A secret's name has no colon: a server's port is written with = (secret-credentials.ts).
    const scopes = names.map((name) => name.slice(prefix.length).replace("=", ":"));
    const none = `no credential is registered in ${place.label}`;
    return { text: scopes.join("\n") || none, json: { scopes } };
  },
};

export const removeGithub: Verb = {
  takes: "SCOPE_URL",
  flags: [],
  async run({ names, open }) {
    const scopeUrl = readScope(names[0]);
    const place = await open();
    if ((await place.secrets.remove(nameOf(place, scopeUrl))) === "absent")
      throw new Error(`no credential for ${scopeUrl} is registered in ${place.label}`);
    return {
      text: `the credential for ${scopeUrl} is removed; its scale sets are not served any more within five minutes, unless a scope around it has one`,
      json: { removed: scopeUrl },
    };
  },
};

/** Tries what the flags say and keeps it if GitHub does not refuse it. */
async function keep({ names, values, open, tell }: Call, replaces: boolean): Promise<Answer> {
  const scopeUrl = readScope(names[0]);
  const given = await readCredentialFlags(values, open);
  const place = await open();
  const name = nameOf(place, scopeUrl);
  const isThere = (await place.secrets.find(name)) !== undefined;
  if (isThere !== replaces) {
    const other = replaces
      ? `no credential for ${scopeUrl} is registered in ${place.label}: runlet github add`
      : `${scopeUrl} has a credential: runlet github rotate`;
    throw new Error(other);
  }
  tell(`asking GitHub about ${scopeUrl} …`);
  const answer = await ask(place, scopeUrl, given.parsed, values);
  const [runners] = answer.findings;
  if (runners?.state === "wrong") {
    return { ...answer, text: `${answer.text}\nnothing was kept`, failed: true };
  }
  await place.secrets.put(name, given.text);
  await keepWebhookSecret(place, values);
  const done = `the credential for ${scopeUrl} is kept in ${place.label}`;
  return { ...answer, text: `${answer.text}\n${done}` };
}

/** The new secret first, the one before on the second line: both count until GitHub has the new one. */
async function keepWebhookSecret(place: Place, values: Values): Promise<void> {
  const secret = readWebhookSecret(values);
  // On one machine the webhook reads the file that `runlet local` was given.
  if (secret === undefined || place.region === undefined) return;
  const name = place.secretName("webhook");
  const [before = ""] = ((await place.secrets.find(name)) ?? "").split("\n");
  if (before.trim() === secret) return;
  await place.secrets.put(name, [secret, before.trim()].filter(Boolean).join("\n"));
}

async function ask(
  place: Place,
  scopeUrl: string,
  credential: ScopeCredential,
  values: Values,
): Promise<Answer & { findings: Finding[] }> {
  const webhookUrl = textOf(values, "webhook-url");
  if (webhookUrl !== undefined && !/^https?:\/\/\S+$/.test(webhookUrl))
    throw new UsageError(`--webhook-url ${webhookUrl}: give it as https://HOST/webhook`);
  const webhookSecret = readWebhookSecret(values) ?? (await findWebhookSecret(place));
  const findings = await checkGithub(place, { scopeUrl, credential, webhookUrl, webhookSecret });
  const lines = findings.flatMap(({ what, state, says, remedy }) => [
    `${state === "good" ? "✓" : state === "wrong" ? "✗" : "?"} ${what}: ${says}`,
    ...(remedy ? [`  ${remedy}`] : []),
  ]);
  return {
    text: lines.join("\n"),
    json: { scope: scopeUrl, findings },
    failed: findings.some(({ state }) => state === "wrong"),
    findings,
  };
}

function readWebhookSecret(values: Values): string | undefined {
  const file = textOf(values, "webhook-secret-file");
  if (file === undefined) return undefined;
  const secret = readFileFlag("webhook-secret-file", file).trim();
  if (secret !== "" && !secret.includes("\n")) return secret;
  throw new UsageError(`--webhook-secret-file ${file}: it must hold the secret on one line`);
}

async function findWebhookSecret(place: Place): Promise<string | undefined> {
  const text = await place.secrets.find(place.secretName("webhook")).catch(() => undefined);
  return text?.split("\n")[0]?.trim() || undefined;
}

function readScope(url: string | undefined): string {
  try {
    return parseConfigUrl(url ?? "").url;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function nameOf(place: Place, scopeUrl: string): string {
  // The first name is the scope's own.
  return credentialNames(place.secretName("github"), scopeUrl)[0] ?? "";
}
