// Why: sessions are opened, refreshed and closed with the admin token; a second one is refused with
// 409, also for the same owner.
import { tally } from "../job-ledger/tally.ts";
import { answerException, answerJson, answerNothing } from "./answers.ts";
import { asFields } from "./json.ts";
import type { Call, Routes } from "./routes.ts";
import type { SimulatedScaleSet } from "./scale-sets.ts";
import { scaleSetJson } from "./scale-set-routes.ts";
import { withScaleSet } from "./service-auth.ts";
import type { SimulatedSession } from "./sessions.ts";
import type { Simulation } from "./simulation.ts";

export function addSessionRoutes(routes: Routes, simulation: Simulation, base: string) {
  const all = `${base}/_apis/runtime/runnerscalesets/:id{[0-9]+}/sessions`;
  const open = withScaleSet(simulation, (call, set) => openSession(simulation, call, set));
  routes.on("POST", all, "createSession", open);
  const refresh = withScaleSet(simulation, (call, set) => refreshSession(simulation, call, set));
  routes.on("PATCH", `${all}/:session`, "refreshSession", refresh);
  const close = withScaleSet(simulation, (call, set) => closeSession(simulation, call, set));
  routes.on("DELETE", `${all}/:session`, "deleteSession", close);
}

async function openSession(
  simulation: Simulation,
  call: Call,
  set: SimulatedScaleSet,
): Promise<Response> {
  // A sessionId in the body is ignored: Go clients always send the zero UUID.
  const { ownerName } = asFields(await call.json());
  if (typeof ownerName !== "string" || ownerName === "") {
    return answerException(400, "BadRequest", "An ownerName is required.");
  }
  const session = simulation.sessions.open(set.key, ownerName);
  if (session === "conflict") {
    const message = `The actions runner scaleset ${set.name} already has an active session.`;
    return answerException(409, "SessionConflict", message);
  }
  return answerSession(simulation, call, set, session);
}

function refreshSession(simulation: Simulation, call: Call, set: SimulatedScaleSet): Response {
  const id = call.param("session");
  const session = simulation.sessions.find(set.key, id);
  if (!session) {
    return answerException(404, "RunnerAdmin", `The session ${id} does not exist.`);
  }
  simulation.sessions.refresh(session);
  return answerSession(simulation, call, set, session);
}

function closeSession(simulation: Simulation, call: Call, set: SimulatedScaleSet): Response {
  const id = call.param("session");
  const session = simulation.sessions.find(set.key, id);
  if (!session) {
    return answerException(400, "SessionExpired", `The session identifier ${id} is not valid.`);
  }
  simulation.sessions.end(session, "session-closed");
  return answerNothing(204);
}

function answerSession(
  simulation: Simulation,
  call: Call,
  set: SimulatedScaleSet,
  session: SimulatedSession,
): Response {
  return answerJson(200, {
    sessionId: session.id,
    ownerName: session.ownerName,
    runnerScaleSet: scaleSetJson(simulation, set),
    messageQueueUrl: queueUrl(simulation, call, set, session),
    messageQueueAccessToken: session.queueToken,
    statistics: tally(simulation.desk.ledger(), set.key, simulation.options.mode),
  });
}

function queueUrl(
  simulation: Simulation,
  call: Call,
  set: SimulatedScaleSet,
  session: SimulatedSession,
): string {
  const base = simulation.options.baseUrl ?? call.url.origin;
  const query = simulation.knobs().queueUrlQuery ? `?sessionId=${session.id}` : "";
  if (simulation.options.mode === "auto-assign") return `${base}/scalesets/message${query}`;
  const tenant = simulation.tenant(set.scope);
  return `${base}/tenant/${tenant}/_apis/runtime/runnerscalesets/${set.id}/messages${query}`;
}
