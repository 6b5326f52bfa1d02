// Why: where something is missing at GitHub, a person needs the page and the words on it (docs.github.com, "Authenticating
// ARC to the GitHub API", "Creating webhooks").
import type { ConfigUrl } from "@runlet/actions-service/config-url";
import type { ScopeCredential } from "@runlet/coordination/credentials";

/** What to do when GitHub refuses to register runners, by the status it refused with. */
export function remedyFor(
  { url, scope }: ConfigUrl,
  { credential }: ScopeCredential,
  status: number | undefined,
): string {
  const { origin } = new URL(url);
  if (credential.kind === "pat") {
    const needed = {
      enterprise: "manage_runners:enterprise",
      organization: "admin:org",
      repository: "repo",
    }[scope.kind];
    const page = `${origin}/settings/tokens/new?scopes=${needed}`;
    const why = status === 401 ? "the token is wrong, revoked or has ended" : "the token may not";
    return `${why}: open ${page}, tick "${needed}", "Generate token"; authorize it for single sign-on where that is on`;
  }
  const apps = settingsOf(origin, scope);
  if (status === 401) {
    return `the App's id and key do not belong together, or the key was deleted: open ${apps}/apps, choose the App, "Private keys", "Generate a private key"`;
  }
  if (status === 404) {
    return `the App has no installation ${credential.installationId} here: open ${apps}/installations, "Configure"; the number is the end of that page's address`;
  }
  const permission =
    scope.kind === "repository"
      ? '"Repository permissions", "Administration": "Read and write"'
      : '"Organization permissions", "Self-hosted runners": "Read and write"';
  return `open ${apps}/apps, choose the App, "Permissions & events", ${permission}, "Save changes"; then accept it in ${apps}/installations`;
}

/** How the webhook is made or mended. */
export function webhookRemedy(
  { url, scope }: ConfigUrl,
  { credential }: ScopeCredential,
  webhookUrl: string,
): string {
  const { origin } = new URL(url);
  const settings = settingsOf(origin, scope);
  const fill = `"Payload URL" ${webhookUrl}, "Content type" application/json, "Secret"`;
  if (credential.kind === "app") {
    return `open ${settings}/apps, choose the App, "Webhook": "Active", ${fill}; "Permissions & events", "Subscribe to events": "Workflow job"`;
  }
  return `open ${settings}/hooks, "Add webhook": ${fill}, "Let me select individual events": "Workflow jobs", "Active"`;
}

function settingsOf(origin: string, scope: ConfigUrl["scope"]): string {
  if (scope.kind === "enterprise") return `${origin}/enterprises/${scope.enterprise}/settings`;
  if (scope.kind === "organization")
    return `${origin}/organizations/${scope.organization}/settings`;
  return `${origin}/${scope.organization}/${scope.repository}/settings`;
}
