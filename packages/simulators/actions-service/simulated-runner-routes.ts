// Why: how a runner talks to GitHub is internal to GitHub, so simulated runners have these routes
// of the simulator's own. runner-client.ts speaks them; the address is the ServerUrl of the decoded
// JIT config. All but the first take `Bearer <token>`.
//
//   POST /_runner/connect     Bearer <credential of the JIT config>; the runner comes online
//        → 200 {runnerId, runnerName, token} · 401 unknown or removed · 409 connected before
//   GET  /_runner/job         held until a job is assigned to the scale set
//        → 200 {job, jobId, displayName, durationMs, result} · 202 none yet, ask again
//        · 410 removed: exit. Who asks while it has a job gets it again: the answer was lost
//   POST /_runner/job/renew   says that the runner lives; at least twice in knob jobLapseMs
//        → 200 · 410 the job was cancelled, or the runner given up
//   POST /_runner/job/finish  {"result":"succeeded"}; job completed, registration gone
//        → 200 · 410
//   POST /_runner/disconnect  goodbye: offline without a job; with one, it is lost after jobLapseMs
//        → 204
//
// A runner that dies without a word loses its job after jobLapseMs; without one it is offline after
// idleLapseMs.
import type { Runner } from "../job-ledger/ledger.ts";
import { asFields } from "./json.ts";
import type { Call, Routes } from "./routes.ts";
import type { Simulation } from "./simulation.ts";

export function addSimulatedRunnerRoutes(routes: Routes, simulation: Simulation) {
  const { runnerDesk } = simulation;
  routes.on("POST", "/_runner/connect", "runnerConnect", (call) => {
    const connected = runnerDesk.connect(call.token ?? "");
    if (connected === "unknown") return answerError(401, "the runner is not registered");
    if (connected === "used") return answerError(409, "this JIT config was used before");
    const { runner, token } = connected;
    return Response.json({ runnerId: runner.id, runnerName: runner.name, token });
  });
  routes.on(
    "GET",
    "/_runner/job",
    "runnerJob",
    withRunner(simulation, async (call, runner) => {
      const job = await runnerDesk.waitForJob(runner, call.signal);
      if (job === "gone") return answerGone();
      if (!job) return new Response(null, { status: 202 });
      const { key, jobId, displayName, durationMs, result } = job;
      return Response.json({ job: key, jobId, displayName, durationMs, result });
    }),
  );
  routes.on(
    "POST",
    "/_runner/job/renew",
    "runnerRenew",
    withRunner(simulation, (_call, runner) => {
      runnerDesk.renew(runner);
      return Response.json({});
    }),
  );
  routes.on(
    "POST",
    "/_runner/job/finish",
    "runnerFinish",
    withRunner(simulation, async (call, runner) => {
      const { result } = asFields(await call.json());
      if (typeof result !== "string") return answerError(400, "a result is required");
      return runnerDesk.finish(runner, result) ? Response.json({}) : answerGone();
    }),
  );
  routes.on(
    "POST",
    "/_runner/disconnect",
    "runnerDisconnect",
    withRunner(simulation, (call, runner) => {
      runnerDesk.disconnect(runner, call.token ?? "");
      return new Response(null, { status: 204 });
    }),
  );
}

function withRunner(
  simulation: Simulation,
  deed: (call: Call, runner: Runner) => Response | Promise<Response>,
): (call: Call) => Response | Promise<Response> {
  return (call) => {
    const runner = simulation.runnerDesk.find(call.token);
    return runner ? deed(call, runner) : answerGone();
  };
}

function answerGone(): Response {
  return answerError(410, "the registration is gone");
}

function answerError(status: number, message: string): Response {
  return Response.json({ message }, { status });
}
