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
  run: (call) => (hasCredentialFlag(call.values) ? keep(call, true) : rotateSecret(call)),
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
    return ask({ place, values, isNew: false }, scopeUrl, credential);
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
    const registered = names.map((name) => name.slice(prefix.length).replace("=", ":"));
    const given = place.givenScopes.map((url) => parseConfigUrl(url).scopeKey);
    const none = `no credential is registered in ${place.label}`;
    const lines = [...registered, ...given.map((scope) => `${scope}  (by --github)`)];
    return { text: lines.join("\n") || none, json: { scopes: registered, given } };
  },
};

export const removeGithub: Verb = {
  takes: "SCOPE_URL",
  flags: [],
  async run({ names, open }) {
    const scopeUrl = readScope(names[0]);
    const place = await open();
    refuseGiven(place, scopeUrl);
    if ((await place.secrets.remove(nameOf(place, scopeUrl))) === "absent")
      throw new Error(`no credential for ${scopeUrl} is registered in ${place.label}`);
    return {
      text: `the credential for ${scopeUrl} is removed; its scale sets are not served any more within five minutes, unless a scope around it has one`,
      json: { removed: scopeUrl },
    };
  },
};

/** What a flag gives goes before what is registered, which would be kept and never used. */
function refuseGiven({ givenScopes, label }: Place, scopeUrl: string): void {
  const isGiven = givenScopes.some((url) => parseConfigUrl(url).url === scopeUrl);
  if (!isGiven) return;
  throw new Error(
    `the credential for ${scopeUrl} of ${label} is in the file that --github names: change it there; it is read again by itself`,
  );
}

function hasCredentialFlag(values: Values): boolean {
  return credentialFlags.some((flag) => values[flag] !== undefined);
}

/** A webhook's secret is changed more often than the credential beside it, and by others. */
async function rotateSecret({ names, values, open, tell }: Call): Promise<Answer> {
  const scopeUrl = readScope(names[0]);
  if (readWebhookSecret(values) === undefined)
    throw new UsageError(
      "give the new credential (--token-file, --app-id or --from-secret), or --webhook-secret-file FILE for the webhook's secret alone",
    );
  const place = await open();
  if (!keepsSecret(place)) {
    throw new UsageError(
      `${place.label} keeps no webhook secret: write it into the file that runlet local was given with --webhook-secret-file`,
    );
  }
  await keepWebhookSecret(place, values);
  tell(
    "the webhook takes the new secret within five minutes, and the one before until it is changed again",
  );
  const credential = await place.credentials.find(scopeUrl);
  const said = `the webhook's secret is kept in ${place.label}; now write it at GitHub, too`;
  if (!credential) return { text: said, json: { scope: scopeUrl, findings: [] } };
  const answer = await ask({ place, values, isNew: true }, scopeUrl, credential);
  return { ...answer, text: `${said}\n${answer.text}` };
}

/** Tries what the flags say and keeps it if GitHub does not refuse it. */
async function keep({ names, values, open, tell }: Call, replaces: boolean): Promise<Answer> {
  const scopeUrl = readScope(names[0]);
  const given = await readCredentialFlags(values, open);
  const place = await open();
  refuseGiven(place, scopeUrl);
  const name = nameOf(place, scopeUrl);
  const isThere = (await place.secrets.find(name)) !== undefined;
  if (isThere !== replaces) {
    const other = replaces
      ? `no credential for ${scopeUrl} is registered in ${place.label}: runlet github add`
      : `${scopeUrl} has a credential: runlet github rotate`;
    throw new Error(other);
  }
  tell(`asking GitHub about ${scopeUrl} …`);
  const answer = await ask({ place, values }, scopeUrl, given.parsed);
  const [runners] = answer.findings;
  if (runners?.state === "wrong") {
    return { ...answer, text: `${answer.text}\nnothing was kept`, failed: true };
  }
  await place.secrets.put(name, given.text);
  await keepWebhookSecret(place, values);
  const untried = `, untried; when GitHub answers: runlet github check ${scopeUrl}`;
  const done =
    `the credential for ${scopeUrl} is kept in ${place.label}` +
    (runners?.state === "unknown" ? untried : "");
  return { ...answer, text: `${answer.text}\n${done}` };
}

/** On one machine the webhook reads the file that `runlet local` was given. */
function keepsSecret({ region }: Place): boolean {
  return region !== undefined;
}

/** The new secret first, the one before on the second line: both count until GitHub has the new one. */
async function keepWebhookSecret(place: Place, values: Values): Promise<void> {
  const secret = readWebhookSecret(values);
  if (secret === undefined || !keepsSecret(place)) return;
  const name = place.secretName("webhook");
  const [before = ""] = ((await place.secrets.find(name)) ?? "").split("\n");
  if (before.trim() === secret) return;
  await place.secrets.put(name, [secret, before.trim()].filter(Boolean).join("\n"));
}

async function ask(
  { place, values, isNew }: { place: Place; values: Values; isNew?: boolean },
  scopeUrl: string,
  credential: ScopeCredential,
): Promise<Answer & { findings: Finding[] }> {
  const given = textOf(values, "webhook-url");
  if (given !== undefined && !/^https?:\/\/\S+$/.test(given))
    throw new UsageError(`--webhook-url ${given}: give it as https://HOST/webhook`);
  const webhookUrl = given ?? (await place.webhookUrl());
  const secret = { given: readWebhookSecret(values), kept: await findWebhookSecret(place) };
  const findings = await checkGithub(place, {
    scopeUrl,
    credential,
    webhookUrl,
    webhookSecret: secret.given ?? secret.kept,
    isSecretNew: isNew ?? (keepsSecret(place) && secret.given !== secret.kept),
  });
  const lines = findings.flatMap(({ what, state, says, remedy }) => [
    `${state === "good" ? "✓" : state === "wrong" ? "✗" : "?"} ${what}: ${says}`,
    ...(remedy ? [`  ${remedy}`] : []),
  ]);
  if (webhookUrl === undefined) {
    const where = place.region === undefined ? " --webhook-url URL" : " once the stage is deployed";
    lines.push(`? webhook: not looked for: runlet github check ${scopeUrl}${where}`);
  }
  return {
    text: lines.join("\n"),
    json: { scope: scopeUrl, findings },
    // A webhook may be there though the credential may not see it; a credential nobody could try is not known to be good.
    failed: findings.some(
      ({ what, state }) => state === "wrong" || (what === "runners" && state === "unknown"),
    ),
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
