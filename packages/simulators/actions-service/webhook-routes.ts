// Why: GitHub sends a webhook once; who missed one asks for the failed deliveries and has them sent
// again (docs.github.com, "REST API endpoints for organization webhooks", "… for GitHub App
// webhooks").
import { verifyAppJwt } from "./app-jwt.ts";
import { answerRestError } from "./answers.ts";
import { isCredential } from "./rest-routes.ts";
import type { Call, Routes } from "./routes.ts";
import type { Simulation } from "./simulation.ts";
import type { Delivery } from "./delivery-log.ts";
import { writeJson } from "./json.ts";

const pageMax = 100;

export function addWebhookRoutes(routes: Routes, simulation: Simulation, prefix: string) {
  const hooks = `${prefix}/orgs/:org/hooks/:hook`;
  const ofApp = `${prefix}/app/hook`;
  const unauthorized = () => answerRestError(401, "Bad credentials");
  routes.on("GET", `${prefix}/orgs/:org/hooks`, "hooks", (call) =>
    isAllowed(simulation, call) ? answerHooks(simulation) : unauthorized(),
  );
  routes.on("GET", `${ofApp}/config`, "hooks", (call) =>
    isAllowed(simulation, call) ? answerAppHook(simulation) : unauthorized(),
  );
  for (const base of [hooks, ofApp]) {
    routes.on("GET", `${base}/deliveries`, "hookDeliveries", (call) =>
      isAllowed(simulation, call) ? answerDeliveries(simulation, call) : unauthorized(),
    );
    routes.on("POST", `${base}/deliveries/:delivery{[0-9]+}/attempts`, "redeliver", (call) => {
      if (!isAllowed(simulation, call)) return unauthorized();
      const sent = simulation.webhooks.redeliver(BigInt(call.param("delivery")));
      return sent ? Response.json({}, { status: 202 }) : answerRestError(404, "Not Found");
    });
  }
}

/** The one webhook there is, as an organisation's administrator sees it. */
function answerHooks({ options: { webhook } }: Simulation): Response {
  const config = webhook && { url: webhook.url, content_type: "json", insecure_ssl: "0" };
  const hook = { id: 1, name: "web", active: true, events: ["workflow_job"], config };
  return Response.json(config ? [hook] : []);
}

function answerAppHook({ options: { webhook } }: Simulation): Response {
  return Response.json({ url: webhook?.url ?? "", content_type: "json", insecure_ssl: "0" });
}

/**
 * An organisation's hook takes the PAT or an installation token; an App's own hook takes its JWT.
 */
function isAllowed(simulation: Simulation, call: Call): boolean {
  const { app } = simulation.options;
  if (call.param("org") !== "") return isCredential(simulation, call.token);
  return (
    app !== undefined && verifyAppJwt(app, call.token, simulation.clock.wallMs()) === undefined
  );
}

function answerDeliveries({ webhooks }: Simulation, call: Call): Response {
  const org = call.param("org");
  const perPage = Math.min(pageMax, Math.max(1, Number(call.query.get("per_page") ?? 30)));
  const cursor = call.query.get("cursor");
  const status = call.query.get("status");
  const wanted = webhooks
    .deliveries(org === "" ? undefined : org)
    .filter((one) => cursor === null || one.id < BigInt(cursor))
    .filter((one) => status !== "failure" || !isDelivered(one))
    .filter((one) => status !== "success" || isDelivered(one));
  const page = wanted.slice(0, perPage);
  const headers = { "content-type": "application/json; charset=utf-8" };
  const response = new Response(writeJson(page.map(deliveryJson)), { headers });
  const last = page.at(-1);
  if (last && wanted.length > page.length) {
    const next = new URL(call.url);
    next.searchParams.set("cursor", String(last.id));
    response.headers.set("link", `<${next.href}>; rel="next"`);
  }
  return response;
}

function isDelivered({ statusCode }: Delivery): boolean {
  return statusCode >= 200 && statusCode < 400;
}

function deliveryJson(delivery: Delivery) {
  return {
    id: delivery.id,
    guid: delivery.guid,
    delivered_at: new Date(delivery.deliveredAt).toISOString(),
    redelivery: delivery.redelivery,
    duration: 0.1,
    status: isDelivered(delivery) ? "OK" : `Invalid HTTP Response: ${delivery.statusCode}`,
    status_code: delivery.statusCode,
    event: "workflow_job",
    action: delivery.action,
    installation_id: null,
    repository_id: 1,
    throttled_at: null,
  };
}
