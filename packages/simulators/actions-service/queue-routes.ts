// Why: the queue is read and acknowledged with the queue token alone; its api-version travels in
// Accept (actions/scaleset session_client.go).
import { acquireJobs } from "../job-ledger/assign-jobs.ts";
import { matches, type LoggedMessage } from "../job-ledger/ledger.ts";
import { deleteMessage } from "../job-ledger/messages.ts";
import { tally } from "../job-ledger/tally.ts";
import {
  answerException,
  answerJson,
  answerList,
  answerNothing,
  answerRouteAbsent,
} from "./answers.ts";
import { ConnectionDropped } from "./fault-effects.ts";
import { jobFields, messageBody, type MessageShape } from "./message-json.ts";
import type { Call, Routes } from "./routes.ts";
import type { SimulatedScaleSet } from "./scale-sets.ts";
import { withScaleSet } from "./service-auth.ts";
import type { SimulatedSession } from "./sessions.ts";
import type { Simulation } from "./simulation.ts";

export function addQueueRoutes(routes: Routes, simulation: Simulation) {
  const tenant = "/tenant/:tenant/_apis/runtime/runnerscalesets/:id{[0-9]+}/messages";
  const acquire = simulation.options.mode === "acquire";
  const queue = acquire ? tenant : "/scalesets/message";
  const poll = withSession(simulation, (call, session) => answerPoll(simulation, call, session));
  routes.on("GET", queue, "poll", poll);
  const drop = withSession(simulation, (call, session) => acknowledge(simulation, call, session));
  routes.on("DELETE", `${queue}/:message{[0-9]+}`, "acknowledge", drop);
}

export function addJobRoutes(routes: Routes, simulation: Simulation, base: string) {
  const set = `${base}/_apis/runtime/runnerscalesets/:id{[0-9]+}`;
  const acquire = withSession(simulation, (call, session) => acquireIds(simulation, call, session));
  const absent = simulation.options.mode === "auto-assign";
  routes.on("POST", `${set}/acquirejobs`, "acquireJobs", absent ? answerRouteAbsent : acquire);
  const list = withScaleSet(simulation, (_call, of) => answerAcquirable(simulation, of));
  routes.on("GET", `${set}/acquirablejobs`, "acquirableJobs", list);
}

/** A deed for the live session of the queue token. */
function withSession(
  simulation: Simulation,
  deed: (call: Call, session: SimulatedSession) => Response | Promise<Response>,
): (call: Call) => Response | Promise<Response> {
  return (call) => {
    const session = simulation.sessions.byToken(call.token);
    const set = session && simulation.scaleSets.get(session.scaleSet);
    const id = call.param("id");
    if (!session || !set || (id !== "" && Number(id) !== set.id)) {
      return answerException(401, "InvalidToken", "The queue token is not valid.");
    }
    return deed(call, session);
  };
}

async function answerPoll(
  simulation: Simulation,
  call: Call,
  session: SimulatedSession,
): Promise<Response> {
  const lastMessageId = Number(call.query.get("lastMessageId") ?? 0);
  // Clients from before 2024 do not send the header: no limit.
  const capacity = call.header("x-scalesetmaxcapacity");
  const maxCapacity = capacity === undefined ? Number.MAX_SAFE_INTEGER : Number(capacity);
  if (![lastMessageId, maxCapacity].every((one) => Number.isInteger(one) && one >= 0)) {
    return answerException(400, "BadRequest", "lastMessageId and capacity are whole numbers.");
  }
  const order = { lastMessageId, maxCapacity, signal: call.signal };
  const result = await simulation.polls.poll(session, order);
  switch (result.end) {
    case "message":
      return answerMessage(simulation, session, result.message);
    case "quiet":
    case "superseded":
      return answerNothing(202);
    case "ended":
      return answerException(401, "InvalidToken", "The session has ended.");
    case "aborted":
      throw new ConnectionDropped("the poll was aborted");
  }
}

/** Statistics are counted now, not when the message was made. */
function answerMessage(
  simulation: Simulation,
  session: SimulatedSession,
  message: LoggedMessage,
): Response {
  return answerJson(200, {
    messageId: message.id,
    messageType: "RunnerScaleSetJobMessages",
    body: messageBody(message.entries, shapeOf(simulation)),
    statistics: tally(simulation.desk.ledger(), session.scaleSet, simulation.options.mode),
  });
}

function acknowledge(simulation: Simulation, call: Call, session: SimulatedSession): Response {
  const { desk, sessions, events } = simulation;
  const messageId = Number(call.param("message"));
  sessions.touch(session);
  const deleted = desk.commit(deleteMessage(desk.ledger(), session.scaleSet, messageId));
  if (deleted === "deleted") {
    events.publish({ kind: "message-deleted", scaleSet: session.scaleSet, messageId });
    return answerNothing(204);
  }
  if (simulation.knobs().absentMessageStatus === 204) return answerNothing(204);
  return answerException(404, "BadRequest", `There is no message ${messageId}.`);
}

async function acquireIds(
  simulation: Simulation,
  call: Call,
  session: SimulatedSession,
): Promise<Response> {
  const { desk, sessions } = simulation;
  const ids = await call.json();
  const isId = (id: unknown) => typeof id === "bigint" || Number.isInteger(id);
  if (!Array.isArray(ids) || !ids.every(isId)) {
    return answerException(400, "BadRequest", "The body is a list of request ids.");
  }
  sessions.touch(session);
  const wanted = ids.map(BigInt).slice(0, simulation.knobs().acquireAtMost);
  const got = desk.commit(acquireJobs(desk.ledger(), session.scaleSet, wanted));
  return answerList(got.map((job) => job.requestId));
}

function answerAcquirable(simulation: Simulation, of: SimulatedScaleSet): Response {
  const { desk, options } = simulation;
  const set = desk.ledger().scaleSets.get(of.key);
  const jobs = [...desk.ledger().open.values()].filter(
    (job) => options.mode === "acquire" && set && job.state === "available" && matches(set, job),
  );
  if (jobs.length === 0) return answerNothing(204);
  const shape = shapeOf(simulation);
  return answerList(
    jobs.map((job) => ({
      acquireJobUrl: "",
      messageType: "JobAvailable",
      ...jobFields(job, shape),
    })),
  );
}

function shapeOf({ clock, options, knobs }: Simulation): MessageShape {
  const offset = clock.wallMs() - clock.nowMs();
  return { mode: options.mode, unsetTimes: knobs().unsetTimes, wall: (at) => at + offset };
}
