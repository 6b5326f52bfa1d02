// Why: a runner exists at the service from its JIT config on, and the service alone knows whether it is
// busy: removal is a question as much as an order (actions/scaleset client.go).
import { askService, type ServiceDeps } from "./service-call.ts";
import type { ActionsService, RunnerReference } from "./service.ts";
import { readJitConfig, readOne, readRunner } from "./wire.ts";

const agents = "_apis/distributedtask/pools/0/agents";

type Runners = Pick<
  ActionsService,
  "generateJitConfig" | "findRunnerByName" | "findRunner" | "removeRunner"
>;

export function createRunners(deps: ServiceDeps): Runners {
  return {
    generateJitConfig(scaleSetId, { name, workFolder }, options) {
      return askService(
        deps,
        {
          call: "generateJitConfig",
          on: `runner ${JSON.stringify(name)} of scale set ${scaleSetId}`,
          scaleSetId,
          method: "POST",
          path: `_apis/runtime/runnerscalesets/${scaleSetId}/generatejitconfig`,
          body: JSON.stringify({ name, workFolder }),
          accepts: 200,
          decode: readJitConfig,
          words: {},
        },
        options,
      );
    },
    findRunnerByName(name, options) {
      return askService(
        deps,
        {
          call: "findRunnerByName",
          on: `runner ${JSON.stringify(name)}`,
          method: "GET",
          path: agents,
          query: { agentName: name },
          accepts: 200,
          decode: (json) => readOne(json, readRunner),
          words: {},
        },
        options,
      );
    },
    findRunner(id, options) {
      return askService<"findRunner", RunnerReference | undefined>(
        deps,
        {
          ...about("findRunner", id),
          method: "GET",
          accepts: 200,
          decode: readRunner,
          words: { nothing: undefined },
        },
        options,
      );
    },
    removeRunner(id, options) {
      return askService<"removeRunner", "removed" | "busy" | "absent">(
        deps,
        {
          ...about("removeRunner", id),
          method: "DELETE",
          accepts: 204,
          decode: () => "removed",
          words: { done: "removed", absent: "absent", busy: "busy" },
        },
        options,
      );
    },
  };
}

function about<C extends string>(call: C, id: number) {
  return { call, on: `runner ${id}`, path: `${agents}/${id}` };
}
