// Why: a githubConfigSecret is ARC's: a personal access token, or a GitHub App in three parts (ARC 0.14.2,
// apis/actions.github.com/v1alpha1/appconfig). Anything else is refused with words that say what to write.
import type { GitHubCredential } from "@runlet/actions-service/service";
import type { Secret } from "./pod.ts";

/** The secret cannot be used; the message names keys, never values. */
export class CredentialUnusable extends Error {
  override name = "CredentialUnusable";
}

const appKeys = ["github_app_id", "github_app_installation_id", "github_app_private_key"] as const;

/** Throws CredentialUnusable. */
export function parseCredential(secret: Secret): GitHubCredential {
  const read = (key: string) =>
    Buffer.from(secret.data?.[key] ?? "", "base64")
      .toString()
      .trim();
  const refuse = (why: string) =>
    new CredentialUnusable(
      `secret ${secret.metadata.namespace ?? ""}/${secret.metadata.name} ${why}`,
    );
  const token = read("github_token");
  const [appId, installation, privateKey] = appKeys.map(read);
  const given = appKeys.filter((key) => read(key) !== "");
  if (token && given.length > 0) throw refuse("has both github_token and keys of a GitHub App");
  if (token) return { kind: "pat", token };
  if (given.length === 0) throw refuse(`has neither github_token nor ${appKeys.join(", ")}`);
  const missing = appKeys.filter((key) => read(key) === "");
  if (!appId || !installation || !privateKey) throw refuse(`lacks ${missing.join(", ")}`);
  if (!/^[1-9]\d*$/.test(installation)) {
    throw refuse("has a github_app_installation_id that is no whole number");
  }
  return { kind: "app", appId, installationId: Number(installation), privateKey };
}
