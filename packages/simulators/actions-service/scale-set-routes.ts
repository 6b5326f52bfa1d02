// Why: runner groups and scale sets, as listeners look them up and create them
// (actions/scaleset client.go; garm's scale-set client lists and deletes as well).
import { answerException, answerJson, answerList, answerNothing } from "./answers.ts";
import { tally } from "../job-ledger/tally.ts";
import { asFields } from "./json.ts";
import type { Call, Routes } from "./routes.ts";
import type { ScaleSetOrder, SimulatedScaleSet } from "./scale-sets.ts";
import { withAdmin, withScaleSet } from "./service-auth.ts";
import type { Simulation } from "./simulation.ts";

export function addScaleSetRoutes(routes: Routes, simulation: Simulation, base: string) {
  const groups = withAdmin(simulation, (call) => answerGroups(simulation, call));
  routes.on("GET", `${base}/_apis/runtime/runnergroups`, "runnerGroups", groups);
  routes.on("GET", `${base}/_apis/runtime/runnergroups/`, "runnerGroups", groups);
  const all = `${base}/_apis/runtime/runnerscalesets`;
  const one = `${all}/:id{[0-9]+}`;
  const list = withAdmin(simulation, (call, scope) => answerScaleSets(simulation, call, scope));
  routes.on("GET", all, "listScaleSets", list);
  const create = withAdmin(simulation, (call, scope) => createScaleSet(simulation, call, scope));
  routes.on("POST", all, "createScaleSet", create);
  const get = withScaleSet(simulation, (_call, set) => answerSet(simulation, set));
  routes.on("GET", one, "getScaleSet", get);
  const update = withScaleSet(simulation, (call, set) => updateScaleSet(simulation, call, set));
  routes.on("PATCH", one, "updateScaleSet", update);
  const remove = withScaleSet(simulation, (_call, set) => deleteScaleSet(simulation, set));
  routes.on("DELETE", one, "deleteScaleSet", remove);
}

function answerGroups(simulation: Simulation, call: Call): Response {
  const name = call.query.get("groupName")?.toLowerCase();
  const groups = simulation.knobs().runnerGroups.map((group, index) => ({
    id: index + 1,
    name: group,
    size: 0,
    isDefaultGroup: index === 0,
  }));
  return answerList(groups.filter((group) => !name || group.name.toLowerCase() === name));
}

function answerScaleSets(simulation: Simulation, call: Call, scope: string): Response {
  const name = call.query.get("name")?.toLowerCase();
  const group = call.query.get("runnerGroupId");
  const found = simulation.scaleSets
    .list(scope)
    .filter((set) => name === undefined || set.name.toLowerCase() === name)
    .filter((set) => group === null || set.runnerGroupId === Number(group));
  return answerList(found.map((set) => scaleSetJson(simulation, set)));
}

async function createScaleSet(
  simulation: Simulation,
  call: Call,
  scope: string,
): Promise<Response> {
  const order = readOrder(await call.json());
  const name = order.name ?? order.labels?.[0];
  const { runnerGroupId = 1, labels = [], setting = {} } = order;
  if (name === undefined) return answerException(400, "BadRequest", "A name is required.");
  if (!groupName(simulation, runnerGroupId)) return answerNoGroup(runnerGroupId);
  const set = simulation.scaleSets.create(scope, { name, runnerGroupId, labels, setting });
  return set === "taken" ? answerTaken(simulation, name) : answerSet(simulation, set);
}

async function updateScaleSet(
  simulation: Simulation,
  call: Call,
  set: SimulatedScaleSet,
): Promise<Response> {
  // Absent means unchanged; labels are fixed when a set is created.
  const { labels: _fixed, ...change } = readOrder(await call.json());
  const group = change.runnerGroupId;
  if (group !== undefined && !groupName(simulation, group)) return answerNoGroup(group);
  const updated = simulation.scaleSets.update(set, change);
  return updated === "taken"
    ? answerTaken(simulation, change.name ?? set.name)
    : answerSet(simulation, updated);
}

function deleteScaleSet(simulation: Simulation, set: SimulatedScaleSet): Response {
  const session = simulation.sessions.current(set.key);
  if (session && !simulation.knobs().deleteWithSession) {
    return answerException(400, "BadRequest", `The runner scale set ${set.name} has a session.`);
  }
  if (session) simulation.sessions.end(session, "session-evicted");
  simulation.scaleSets.remove(set);
  return answerNothing(204);
}

/** A scale set as the service writes it. */
export function scaleSetJson(simulation: Simulation, set: SimulatedScaleSet) {
  const { runnerSettingKey } = simulation.knobs();
  return {
    id: set.id,
    name: set.name,
    runnerGroupId: set.runnerGroupId,
    runnerGroupName: groupName(simulation, set.runnerGroupId) ?? "",
    labels: set.labels,
    [runnerSettingKey]: set.setting,
    createdOn: new Date(set.createdOn).toISOString(),
    enabled: true,
    statistics: tally(simulation.desk.ledger(), set.key, simulation.options.mode),
  };
}

function answerSet(simulation: Simulation, set: SimulatedScaleSet): Response {
  return answerJson(200, scaleSetJson(simulation, set));
}

function answerTaken(simulation: Simulation, name: string): Response {
  const status = simulation.knobs().duplicateScaleSetStatus;
  return answerException(status, "ScaleSetExists", `The runner scale set ${name} already exists.`);
}

function answerNoGroup(id: number): Response {
  return answerException(400, "BadRequest", `There is no runner group with identifier ${id}.`);
}

function groupName(simulation: Simulation, id: number): string | undefined {
  return simulation.knobs().runnerGroups[id - 1];
}

/** Clients write `RunnerSetting` with a capital; keys are taken in any case of letters. */
function readOrder(body: unknown): Partial<ScaleSetOrder> {
  const fields = Object.fromEntries(
    Object.entries(asFields(body)).map(([key, value]) => [key.toLowerCase(), value]),
  );
  const { name, runnergroupid, labels, runnersetting } = fields;
  const order: Partial<ScaleSetOrder> = {};
  if (typeof name === "string" && name !== "") order.name = name;
  if (typeof runnergroupid === "number" && runnergroupid > 0) order.runnerGroupId = runnergroupid;
  if (Array.isArray(labels)) {
    const names = labels.map((label) => asFields(label)["name"]);
    order.labels = names.filter((label) => typeof label === "string");
  }
  if (Object.keys(asFields(runnersetting)).length > 0) order.setting = asFields(runnersetting);
  return order;
}
