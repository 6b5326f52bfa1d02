// Why: one URL, written by a person, decides which API gets the credential. GitHub's own clients accept
// URLs that lead somewhere unexpected (actions/scaleset config.go: no scheme, a port, "enterprises"
// without a name); here each of those is refused with the reason.

export type Scope =
  | { kind: "enterprise"; enterprise: string }
  | { kind: "organization"; organization: string }
  | { kind: "repository"; organization: string; repository: string };

export interface ConfigUrl {
  /** As it is sent to the service: scheme, host and path only. */
  url: string;
  scope: Scope;
  /** Identity of the scope: host and path, lower-case, e.g. `github.com/my-org`. */
  scopeKey: string;
  /** Base of the REST API, without a trailing slash. */
  apiBase: string;
  /** On github.com or a ghe.com tenant; otherwise a GitHub Enterprise Server. */
  hosted: boolean;
}

/** Says what is wrong with a config URL; the URL is in the message, without user info and query. */
export class InvalidConfigUrl extends Error {
  override name = "InvalidConfigUrl";
}

/** Longer than any of GitHub's; one of megabytes would cost everybody's time to read. */
const lengthMax = 500;
const ask = "it should point to an enterprise, organization or repository";
const reserved = new Set(["orgs", "organizations", "users", "settings", "sponsors", "marketplace"]);

/**
 * Reads a githubConfigUrl. `forceGhes` is what ARC's GITHUB_ACTIONS_FORCE_GHES does: no host counts as
 * hosted. Throws InvalidConfigUrl.
 */
export function parseConfigUrl(text: string, options: { forceGhes?: boolean } = {}): ConfigUrl {
  const url = parseUrl(text);
  const segments = url.pathname.replace(/^\/+|\/+$/g, "").split("/");
  const scope = parseScope(segments, refuse(text));
  const host = url.host === "www.github.com" ? "github.com" : url.host;
  const hosted = !options.forceGhes && isHosted(host);
  if (hosted && url.protocol === "http:" && host !== "github.localhost") {
    throw refuse(text)("is http: the credential would travel unencrypted; use https");
  }
  const path = segments.join("/");
  return {
    url: `${url.protocol}//${host}/${path}`,
    scope,
    scopeKey: `${host}/${path}`.toLowerCase(),
    apiBase: `${url.protocol}//${hosted ? `api.${host}` : `${host}/api/v3`}`,
    hosted,
  };
}

/** Is everything that belongs to it to be sent over TLS? */
export function isSecure({ url }: ConfigUrl): boolean {
  return url.startsWith("https:");
}

/** The API path under which registration tokens of the scope are made. */
export function scopeApiPath(scope: Scope): string {
  const part = encodeURIComponent;
  switch (scope.kind) {
    case "enterprise":
      return `/enterprises/${part(scope.enterprise)}`;
    case "organization":
      return `/orgs/${part(scope.organization)}`;
    case "repository":
      return `/repos/${part(scope.organization)}/${part(scope.repository)}`;
  }
}

function isHosted(host: string): boolean {
  return host === "github.com" || host === "github.localhost" || host.endsWith(".ghe.com");
}

function refuse(text: string): (why: string) => InvalidConfigUrl {
  const shown = text.replace(/\/\/[^/@]*@/, "//***@").replace(/[?#].*$/s, "?…");
  return (why) => new InvalidConfigUrl(`config URL ${JSON.stringify(shown)} ${why}`);
}

function parseUrl(text: string): Pick<URL, "protocol" | "host" | "pathname"> {
  const no = refuse(text.slice(0, lengthMax));
  if (text === "") throw no(`is empty: ${ask}`);
  if (text.length > lengthMax) throw no(`has ${text.length} characters: ${ask}`);
  if (/\s/.test(text)) throw no("contains white space");
  // new URL would quietly drop or turn these, and lead elsewhere than it reads.
  if (/[\\\p{Cc}]|%2e|\/\.{1,2}(\/|$)/iu.test(text)) {
    throw no("contains a backslash, a control character or a segment of dots");
  }
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) throw no("has no scheme: begin it with https://");
  if (!URL.canParse(text)) throw no("is not a URL");
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw no("is neither https nor http");
  if (url.username || url.password) throw no("contains credentials: give them as a secret");
  if (url.search || url.hash) throw no("has a query or fragment, which has no meaning here");
  if (url.host === "ghe.com") throw no("is not a tenant: use https://TENANT.ghe.com/…");
  if (url.host === "api.github.com" || /^api\.[^.]+\.ghe\.com$/.test(url.host)) {
    throw no("is the API's address: use the address that is seen in a browser");
  }
  return url;
}

function parseScope(segments: string[], no: (why: string) => InvalidConfigUrl): Scope {
  const [first = "", second] = segments;
  if (first === "") throw no(`has no path: ${ask}`);
  if (segments.length > 2) throw no(`has ${segments.length} path segments: ${ask}`);
  const bad = segments.find(
    (segment) => !/^[A-Za-z0-9_][A-Za-z0-9._-]*$|^\.[\w.-]+$/.test(segment),
  );
  if (bad !== undefined) throw no(`has a path segment that is no GitHub name: ${ask}`);
  if (first.toLowerCase() === "enterprises") {
    if (second === undefined) throw no("names no enterprise: end it with /enterprises/NAME");
    return { kind: "enterprise", enterprise: second };
  }
  if (reserved.has(first.toLowerCase())) {
    throw no(`begins with ${first}/, which is a page of GitHub and no organization: ${ask}`);
  }
  if (second === undefined) return { kind: "organization", organization: first };
  if (second.toLowerCase().endsWith(".git")) throw no("ends in .git: leave that out");
  return { kind: "repository", organization: first, repository: second };
}
