// Why: runner groups and scale sets at the service (actions/scaleset client.go). Names are unique within
// a group; labels are fixed when a set is made.
import { askService, type ServiceDeps } from "./service-call.ts";
import type { ActionsService, ScaleSet } from "./service.ts";
import { readAll, readOne, readRunnerGroup, readScaleSet } from "./wire.ts";

const sets = "_apis/runtime/runnerscalesets";

// GitHub's own clients always send the zero time, and the setting with a capital R (their types cannot
// leave either out); what the service has always seen is what it gets. Runners of ours never update
// themselves: their image does that.
const always = { RunnerSetting: { disableUpdate: true }, createdOn: "0001-01-01T00:00:00Z" };

type ScaleSets = Pick<
  ActionsService,
  | "findRunnerGroup"
  | "listScaleSets"
  | "findScaleSet"
  | "findScaleSetById"
  | "createScaleSet"
  | "updateScaleSet"
  | "deleteScaleSet"
>;

export function createScaleSets(deps: ServiceDeps): ScaleSets {
  return {
    ...createLookUps(deps),
    createScaleSet(set, options) {
      const labels = set.labels.length === 0 ? [set.name] : set.labels;
      const { name, runnerGroupId } = set;
      const body = {
        name,
        runnerGroupId,
        labels: labels.map((label) => ({ type: "System", name: label })),
        ...always,
      };
      const ask = {
        call: "createScaleSet",
        on: `scale set ${JSON.stringify(name)} in group ${runnerGroupId}`,
        method: "POST",
        path: sets,
        body: JSON.stringify(body),
        accepts: 200,
        decode: readScaleSet,
        words: {},
      } as const;
      return askService(deps, ask, options);
    },
    updateScaleSet(id, change, options) {
      const ask = {
        ...about("updateScaleSet", id),
        method: "PATCH",
        body: JSON.stringify({ ...change, ...always }),
        accepts: 200,
        decode: readScaleSet,
        words: {},
      } as const;
      return askService(deps, ask, options);
    },
    deleteScaleSet(id, options) {
      const ask = {
        ...about("deleteScaleSet", id),
        method: "DELETE",
        accepts: 204,
        decode: () => "deleted" as const,
        words: { done: "deleted", absent: "absent" },
      } as const;
      return askService<"deleteScaleSet", "deleted" | "absent">(deps, ask, options);
    },
  };
}

type LookUps = Pick<
  ScaleSets,
  "findRunnerGroup" | "listScaleSets" | "findScaleSet" | "findScaleSetById"
>;

function createLookUps(deps: ServiceDeps): LookUps {
  return {
    async findRunnerGroup(name, options) {
      // The default group has number 1 everywhere; ARC does not look it up either.
      if (name === "") return { ok: true, value: { id: 1, name: "Default", isDefault: true } };
      const ask = {
        call: "findRunnerGroup",
        on: `runner group ${JSON.stringify(name)}`,
        method: "GET",
        path: "_apis/runtime/runnergroups/",
        query: { groupName: name },
        accepts: 200,
        decode: (json: unknown) => readOne(json, readRunnerGroup),
        words: {},
      } as const;
      return askService(deps, ask, options);
    },
    listScaleSets(options) {
      const ask = {
        call: "listScaleSets",
        on: "the scale sets of the scope",
        method: "GET",
        path: sets,
        accepts: 200,
        decode: (json: unknown) => readAll(json, readScaleSet),
        words: {},
      } as const;
      return askService(deps, ask, options);
    },
    findScaleSet({ name, runnerGroupId }, options) {
      const ask = {
        call: "findScaleSet",
        on: `scale set ${JSON.stringify(name)} in group ${runnerGroupId}`,
        method: "GET",
        path: sets,
        query: { name, runnerGroupId },
        accepts: 200,
        decode: (json: unknown) => readOne(json, readScaleSet),
        words: {},
      } as const;
      return askService(deps, ask, options);
    },
    findScaleSetById(id, options) {
      const ask = {
        ...about("findScaleSetById", id),
        method: "GET",
        accepts: 200,
        decode: readScaleSet,
        words: { nothing: undefined },
      } as const;
      return askService<"findScaleSetById", ScaleSet | undefined>(deps, ask, options);
    },
  };
}

function about<C extends string>(call: C, id: number) {
  return { call, on: `scale set ${id}`, scaleSetId: id, path: `${sets}/${id}` };
}
