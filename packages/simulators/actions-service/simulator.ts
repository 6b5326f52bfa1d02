// Why: GitHub's Actions Service for runner scale sets, with the part of the REST API that leads to
// it, as a server of our own: the embedded default of the demo and of every test. It speaks the
// real wire protocol, so that real clients work against it. In process it runs on microtasks and
// the clock it is given, nothing else.
import { Hono } from "hono";
import type { Fetch } from "@runlet/runtime/fetch";
import { addAgentRoutes } from "./agent-routes.ts";
import { addControlRoutes } from "./control-routes.ts";
import { createControl, type Control } from "./control.ts";
import type { SimulatorEvent } from "./events.ts";
import { createInProcessFetch } from "./in-process-fetch.ts";
import { addJobRoutes, addQueueRoutes } from "./queue-routes.ts";
import { createRegistrationLimit } from "./registration-limit.ts";
import { countRestCalls } from "./rest-limit.ts";
import { addRestRoutes } from "./rest-routes.ts";
import { createRoutes, type Front } from "./routes.ts";
import { addScaleSetRoutes } from "./scale-set-routes.ts";
import { scaleSetOfCall } from "./service-auth.ts";
import { addSessionRoutes } from "./session-routes.ts";
import { addSimulatedRunnerRoutes } from "./simulated-runner-routes.ts";
import { createSimulation, type SimulatorDeps, type SimulatorOptions } from "./simulation.ts";
import { addWebhookRoutes } from "./webhook-routes.ts";

export interface ActionsServiceSimulator {
  /** The server in process: any origin is its own. */
  fetch: Fetch;
  /** The server as a hono application, for a socket. */
  app: Hono<{ Bindings: Front }>;
  control: Control;
  /** Calls `listener` for every fact from now on, in order; the returned function ends that. */
  listen(listener: (event: SimulatorEvent) => void): () => void;
  /** The server is gone: calls that are held break, and no timer of its stays. */
  stop(): void;
}

/** For whoever opens it in a browser. */
const hint = `GitHub's Actions Service for runner scale sets, simulated. Point a client at /ORG (any exists); look at
/_control/ledger; npm run simulator:actions-service -- --help tells the rest.
`;

export function createActionsServiceSimulator(
  deps: SimulatorDeps,
  options: SimulatorOptions,
): ActionsServiceSimulator {
  const simulation = createSimulation(deps, options);
  const app = new Hono<{ Bindings: Front }>();
  app.get("/", (context) => context.text(hint));
  const routes = createRoutes(app, simulation, (call) => scaleSetOfCall(simulation, call));
  const rest = countRestCalls(routes, simulation);
  for (const prefix of ["", "/api/v3"]) {
    addRestRoutes(rest, simulation, prefix);
    addWebhookRoutes(rest, simulation, prefix);
  }
  const base = options.mode === "auto-assign" ? "/rest" : "/tenant/:tenant{[0-9]+}";
  addScaleSetRoutes(routes, simulation, base);
  addSessionRoutes(routes, simulation, base);
  addQueueRoutes(routes, simulation);
  addJobRoutes(routes, simulation, base);
  addAgentRoutes(routes, simulation, base, createRegistrationLimit(simulation));
  addSimulatedRunnerRoutes(routes, simulation);
  const control = createControl(simulation);
  addControlRoutes(app, control, (at) => deps.clock.wallMs() - deps.clock.nowMs() + at);
  app.onError((error) => {
    deps.log?.error("simulator_failed", { error });
    return Response.json({ message: `${error.name}: ${error.message}` }, { status: 500 });
  });
  return {
    fetch: createInProcessFetch(app),
    app,
    control,
    listen: (listener) => simulation.events.listen(listener),
    stop() {
      simulation.desk.stop();
      simulation.runnerDesk.stop();
      simulation.polls.stop();
      simulation.webhooks.stop();
      simulation.sessions.stop();
    },
  };
}
