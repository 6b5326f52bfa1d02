// Why: runners as the service keeps them: registered by a JIT config, looked up by id and name,
// removed unless a job runs (actions/scaleset client.go; the pool is literally 0).
import { registerRunner, removeRunner } from "../job-ledger/runners.ts";
import type { Runner } from "../job-ledger/ledger.ts";
import { answerException, answerJson, answerList, answerNothing } from "./answers.ts";
import { encodeJitConfig } from "./jit-config.ts";
import { asFields } from "./json.ts";
import { createRegistrationLimit, type RegistrationLimit } from "./registration-limit.ts";
import type { Call, Routes } from "./routes.ts";
import type { SimulatedScaleSet } from "./scale-sets.ts";
import { withAdmin, withScaleSet } from "./service-auth.ts";
import type { Simulation } from "./simulation.ts";

export function addAgentRoutes(
  routes: Routes,
  simulation: Simulation,
  base: string,
  limit: RegistrationLimit = createRegistrationLimit(simulation),
) {
  const jit = `${base}/_apis/runtime/runnerscalesets/:id{[0-9]+}/generatejitconfig`;
  const generate = withScaleSet(simulation, (call, set) => register(simulation, call, set, limit));
  routes.on("POST", jit, "generateJitConfig", generate);
  const all = `${base}/_apis/distributedtask/pools/0/agents`;
  const list = withAdmin(simulation, (call, scope) => {
    const name = call.query.get("agentName")?.toLowerCase();
    const found = runnersOf(simulation, scope).filter(
      (runner) => name === undefined || runner.name.toLowerCase() === name,
    );
    return answerList(found.map((runner) => runnerJson(simulation, runner)));
  });
  routes.on("GET", all, "listRunners", list);
  const get = withAdmin(simulation, (call, scope) => {
    const id = Number(call.param("agent"));
    const runner = runnersOf(simulation, scope).find((one) => one.id === id);
    return runner ? answerJson(200, runnerJson(simulation, runner)) : answerNoRunner(id);
  });
  routes.on("GET", `${all}/:agent{[0-9]+}`, "getRunner", get);
  const drop = withAdmin(simulation, (call, scope) => remove(simulation, call, scope));
  routes.on("DELETE", `${all}/:agent{[0-9]+}`, "removeRunner", drop);
}

async function register(
  simulation: Simulation,
  call: Call,
  set: SimulatedScaleSet,
  limit: RegistrationLimit,
): Promise<Response> {
  const { desk, random, clock, runnerDesk, options } = simulation;
  const { name, workFolder } = asFields(await call.json());
  if (typeof name !== "string" || name === "") {
    return answerException(400, "BadRequest", "A runner needs a name.");
  }
  const waitSeconds = limit.waitSeconds(set.scope);
  if (waitSeconds > 0) return answerTooMany(waitSeconds);
  const order = { name, scope: set.scope, scaleSet: set.key };
  const runner = desk.commit(registerRunner(desk.ledger(), order, clock.nowMs()));
  if (!runner) {
    return answerException(409, "AgentExists", `The agent name ${name} is already in use.`);
  }
  limit.count(set.scope);
  const base = options.baseUrl ?? call.url.origin;
  const { encoded, credential } = encodeJitConfig(random, {
    runnerId: runner.id,
    runnerName: name,
    serverUrl: `${base}/_runner`,
    gitHubUrl: `${base}/${set.scope}`,
    workFolder: typeof workFolder === "string" ? workFolder : "",
  });
  runnerDesk.admit(runner, credential);
  return answerJson(200, { runner: runnerJson(simulation, runner), encodedJITConfig: encoded });
}

function remove(simulation: Simulation, call: Call, scope: string): Response {
  const { desk } = simulation;
  const id = Number(call.param("agent"));
  // Another scope's runner is as unknown here as one that never was: removed, says the service.
  if (!runnersOf(simulation, scope).some((runner) => runner.id === id)) return answerNothing(204);
  if (desk.commit(removeRunner(desk.ledger(), id)) !== "busy") return answerNothing(204);
  return answerException(400, "JobStillRunning", `The agent ${id} is running a job.`);
}

function runnersOf({ desk }: Simulation, scope: string): Runner[] {
  return [...desk.ledger().runners.values()].filter((runner) => runner.scope === scope);
}

function runnerJson(simulation: Simulation, runner: Runner) {
  const set = simulation.scaleSets.get(runner.scaleSet);
  return {
    id: runner.id,
    name: runner.name,
    runnerScaleSetId: set?.id ?? 0,
    runnerGroupId: set?.runnerGroupId ?? 1,
    enabled: true,
    ephemeral: true,
    status: runner.state === "offline" ? "offline" : "online",
    busy: runner.state === "busy",
  };
}

function answerNoRunner(id: number): Response {
  return answerException(404, "AgentNotFound", `There is no agent with identifier ${id}.`);
}

function answerTooMany(waitSeconds: number): Response {
  const response = answerException(429, "RateLimited", "Too many runner registrations.");
  response.headers.set("Retry-After", String(waitSeconds));
  return response;
}
