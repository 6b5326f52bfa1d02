// Why: how a caller gets in: a PAT or an App's installation buys a registration token, and that
// buys the admin connection (docs.github.com, "REST API endpoints for self-hosted runners";
// actions/scaleset client.go).
import { verifyAppJwt } from "./app-jwt.ts";
import { answerRestError } from "./answers.ts";
import { asFields } from "./json.ts";
import type { Call, Routes } from "./routes.ts";
import type { Simulation } from "./simulation.ts";

const hourMs = 60 * 60_000;

/** `prefix`: "" on github.com's API host, "/api/v3" on a server of one's own. */
export function addRestRoutes(routes: Routes, simulation: Simulation, prefix: string) {
  const scopes: [string, (call: Call) => string][] = [
    ["orgs/:org", (call) => call.param("org")],
    ["repos/:org/:repo", (call) => `${call.param("org")}/${call.param("repo")}`],
    ["enterprises/:enterprise", (call) => `enterprises/${call.param("enterprise")}`],
  ];
  for (const [path, scopeOf] of scopes) {
    const token = `${prefix}/${path}/actions/runners/registration-token`;
    routes.on("POST", token, "registrationToken", (call) =>
      answerRegistrationToken(simulation, call, scopeOf(call).toLowerCase()),
    );
  }
  routes.on("POST", `${prefix}/app/installations/:id/access_tokens`, "installationToken", (call) =>
    answerInstallationToken(simulation, call),
  );
  routes.on("GET", `${prefix}/rate_limit`, "rateLimit", (call) => {
    if (!isCredential(simulation, call.token)) return answerRestError(401, "Bad credentials");
    return Response.json({ resources: {} });
  });
  routes.on("GET", `${prefix}/app/installations/:id`, "installation", (call) =>
    answerInstallation(simulation, call),
  );
  routes.on("POST", `${prefix}/actions/runner-registration`, "runnerRegistration", (call) =>
    answerRunnerRegistration(simulation, call),
  );
}

/** Whether a token may act for GitHub's REST API: the PAT, or an installation's. */
export function isCredential(
  { options, tokens, knobs, clock }: Simulation,
  token: string | undefined,
): boolean {
  if (token === undefined) return false;
  const { patExpiresAt } = knobs();
  const hasEnded = patExpiresAt !== 0 && patExpiresAt <= clock.wallMs();
  return (token === options.pat && !hasEnded) || tokens.find("installation", token) !== undefined;
}

function answerRegistrationToken(simulation: Simulation, call: Call, scope: string): Response {
  if (!isCredential(simulation, call.token)) return answerRestError(401, "Bad credentials");
  const { token, expiresAt } = simulation.tokens.issue("registration", scope, hourMs);
  return Response.json({ token, expires_at: isoSeconds(expiresAt) }, { status: 201 });
}

/** Why an App may not act for the installation in the path; undefined: it may. */
function refuseApp({ options: { app }, clock }: Simulation, call: Call): Response | undefined {
  const refused = app ? verifyAppJwt(app, call.token, clock.wallMs()) : "no such App";
  if (!app || refused) return answerRestError(401, `Bad credentials: ${refused}`);
  if (app.installationIds.includes(Number(call.param("id")))) return undefined;
  return answerRestError(404, "Not Found");
}

function answerInstallation(simulation: Simulation, call: Call): Response {
  const refused = refuseApp(simulation, call);
  if (refused) return refused;
  const { appSuspended: suspended, appHearsJobs } = simulation.knobs();
  return Response.json({
    id: Number(call.param("id")),
    permissions: { organization_self_hosted_runners: "write", metadata: "read" },
    events: appHearsJobs ? ["workflow_job"] : [],
    suspended_at: suspended ? isoSeconds(simulation.clock.wallMs()) : null,
  });
}

function answerInstallationToken(simulation: Simulation, call: Call): Response {
  const refused = refuseApp(simulation, call);
  if (refused) return refused;
  if (simulation.knobs().appSuspended) {
    return answerRestError(403, "This installation has been suspended");
  }
  const installation = call.param("id");
  const { token, expiresAt } = simulation.tokens.issue("installation", installation, hourMs);
  const permissions = { organization_self_hosted_runners: "write", metadata: "read" };
  return Response.json(
    { token, expires_at: isoSeconds(expiresAt), permissions, repository_selection: "all" },
    { status: 201 },
  );
}

async function answerRunnerRegistration(simulation: Simulation, call: Call): Promise<Response> {
  const scope = simulation.tokens.find("registration", call.token);
  if (scope === undefined) return answerRestError(401, "Bad credentials");
  const { url, runner_event: event } = asFields(await call.json());
  if (event !== "register") return answerRestError(400, "runner_event must be register");
  if (typeof url !== "string" || scopeOfConfigUrl(url) !== scope) {
    return answerRestError(400, "the url is not the one the registration token is for");
  }
  simulation.webUrls.set(scope.split("/")[0] ?? scope, new URL(url).origin);
  const { adminTokenLifeMs } = simulation.knobs();
  const { token } = simulation.tokens.issue("admin", scope, adminTokenLifeMs);
  return Response.json({ url: serviceUrl(simulation, call, scope), token });
}

/** The address of the service for a scope, in the shape of the mode and the knob. */
export function serviceUrl(simulation: Simulation, call: Call, scope: string): string {
  const base = simulation.options.baseUrl ?? call.url.origin;
  const auto = simulation.options.mode === "auto-assign";
  const path = auto ? "/rest" : `/tenant/${simulation.tenant(scope)}`;
  const endings = { slash: "/", plain: "", query: "/?host=broker" };
  return base + path + endings[simulation.knobs().serviceUrl];
}

function scopeOfConfigUrl(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  return new URL(url).pathname.replace(/^\/+|\/+$/g, "").toLowerCase();
}

function isoSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
