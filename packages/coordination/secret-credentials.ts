// Why: in the cloud a scope's credential is a secret that is named after the scope. So nobody keeps a list: a function
// may read what lies under one prefix, and registering a scope is writing a secret.
import {
  CredentialUnreadable,
  parseCredential,
  scopePath,
  type Credentials,
} from "./credentials.ts";
import type { Secrets } from "./secrets.ts";

/**
 * Credentials in `secrets` (cached ones: each call asks for the scope itself and for each scope around it) under
 * names like `runlet/prod/github/github.com/my-org`.
 */
export function createSecretCredentials(secrets: Secrets, prefix: string): Credentials {
  return {
    async find(configUrl, options) {
      for (const name of credentialNames(prefix, configUrl)) {
        const text = await secrets.find(name, options).catch((cause: unknown) => {
          throw new CredentialUnreadable(`cannot read the credential in ${name}`, { cause });
        });
        if (text !== undefined) return parseCredential(text, name);
      }
      return undefined;
    },
  };
}

/** Where a scope's credential may be, the nearest first; the first is the scope's own. */
export function credentialNames(prefix: string, configUrl: string): string[] {
  // A secret's name has no colon (Secrets Manager, CreateSecret); a server's port has one before it.
  const segments = scopePath(configUrl).replace(":", "=").split("/").filter(Boolean);
  return segments.map((_, at) => [prefix, ...segments.slice(0, segments.length - at)].join("/"));
}
