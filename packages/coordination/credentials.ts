// Why: a config scope (an enterprise, organisation or repository URL) needs a credential, and several
// scopes may share one. Who asks gives the URL of an AutoscalingRunnerSet; the answer is the credential
// of the nearest scope that has one, or none, which is a state to show and not an error.
import * as z from "zod";
import type { FindOptions } from "./secrets.ts";

/** A PAT or a GitHub App's installation (as the Actions Service client takes it), and how to get there. */
export interface ScopeCredential {
  credential:
    | { kind: "pat"; token: string }
    | { kind: "app"; appId: string; installationId: number; privateKey: string };
  /** PEM bundle to trust besides the built-in roots. */
  ca?: string;
  /** Proxy URL, with its own credentials if it needs some. */
  proxy?: string;
}

export interface Credentials {
  /** Undefined: no credential is registered for this scope. Throws CredentialUnreadable. */
  find(configUrl: string, options?: FindOptions): Promise<ScopeCredential | undefined>;
}

/** A credential is registered, but what is there is none: says where and what is wrong; never its text. */
export class CredentialUnreadable extends Error {
  override name = "CredentialUnreadable";
}

export interface ScopeSecret {
  /** e.g. https://github.com/my-org */
  scopeUrl: string;
  /** Where its text is: a path, a secret's name. For messages. */
  from: string;
  read(): Promise<string>;
}

/** Credentials whose text is read anew each time (a rotated one counts at once); who asks meanwhile shares the read. */
export function createCredentials(secrets: readonly ScopeSecret[]): Credentials {
  const lastGood = new Map<string, string>();
  const reads = new Map<string, Promise<string>>();

  /** Two hundred polls begin at once after a hand-over, and each asks. */
  function read(secret: ScopeSecret): Promise<string> {
    const underWay = reads.get(secret.from);
    if (underWay) return underWay;
    const started = secret.read().finally(() => reads.delete(secret.from));
    reads.set(secret.from, started);
    return started;
  }

  return {
    async find(configUrl) {
      const secret = nearest(secrets, configUrl);
      if (!secret) return undefined;
      try {
        lastGood.set(secret.from, await read(secret));
      } catch (error) {
        // A store that does not answer for a while is no reason to stop with a credential that is good.
        if (!lastGood.has(secret.from)) {
          throw new CredentialUnreadable(`cannot read the credential in ${secret.from}`, {
            cause: error,
          });
        }
      }
      return parseCredential(lastGood.get(secret.from) ?? "", secret.from);
    },
  };
}

/** The secret of the scope itself, or of the nearest scope around it on the same host. */
function nearest(secrets: readonly ScopeSecret[], configUrl: string): ScopeSecret | undefined {
  const wanted = scopePath(configUrl);
  return secrets
    .filter((secret) => wanted.startsWith(scopePath(secret.scopeUrl)))
    .sort((a, b) => scopePath(b.scopeUrl).length - scopePath(a.scopeUrl).length)[0];
}

/** `host/segment/`, lower-cased: names are case-insensitive at GitHub, and "org-2" is not under "org". */
export function scopePath(url: string): string {
  const { host, pathname } = new URL(url);
  const path = pathname.replace(/^\/+|\/+$/g, "");
  return `${host}/${path}/`.toLowerCase().replace(/^www\./, "");
}

/** ARC's names of a config secret's entries (gha-runner-scale-set, values.yaml), and ours for the way there. */
const credentialFile = z.object({
  github_token: z.exactOptional(z.string().trim().min(1)),
  github_app_id: z.exactOptional(z.coerce.string()),
  github_app_installation_id: z.exactOptional(z.coerce.number().pipe(z.int().positive())),
  github_app_private_key: z.exactOptional(z.string().includes("PRIVATE KEY")),
  ca: z.exactOptional(z.string()),
  proxy: z.exactOptional(z.url()),
});

/** A PAT on one line, or JSON with the entries of ARC's config secret. Throws CredentialUnreadable. */
export function parseCredential(text: string, from: string): ScopeCredential {
  const trimmed = text.trim();
  if (/^[\w-]{20,}$/.test(trimmed)) return { credential: { kind: "pat", token: trimmed } };
  const parsed = credentialFile.safeParse(parseJson(trimmed));
  if (!parsed.success) {
    // Only which entries are wrong: the issues' own words may repeat the text.
    const entries = parsed.error.issues.map((issue) => issue.path.join("."));
    const wrong = entries.filter(Boolean).join(", ");
    const what = trimmed === "" ? "is empty" : wrong ? `has a wrong ${wrong}` : "is no credential";
    throw new CredentialUnreadable(
      `${from} ${what}: give a token on one line, or JSON with github_token or github_app_id, ` +
        "github_app_installation_id (a number) and github_app_private_key (PEM)",
    );
  }
  const { github_token: token, ca, proxy } = parsed.data;
  const { github_app_id: appId, github_app_installation_id: installationId } = parsed.data;
  const { github_app_private_key: privateKey } = parsed.data;
  const way = { ...(ca !== undefined && { ca }), ...(proxy !== undefined && { proxy }) };
  if (token !== undefined) return { credential: { kind: "pat", token }, ...way };
  if (appId !== undefined && installationId !== undefined && privateKey !== undefined) {
    return { credential: { kind: "app", appId, installationId, privateKey }, ...way };
  }
  throw new CredentialUnreadable(
    `${from} lacks github_token, or one of the three github_app_ entries`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
