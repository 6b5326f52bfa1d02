// Why: at night nobody invents a query; those of packages/runtime/log-queries.ts are in the console, over the logs of this
// stage alone.
import { logQueries } from "@runlet/runtime/log-queries";
import type { Part, Stage } from "./stage.ts";

const parts = ["webhook", "poller", "sweep"] as const;

export function createLogQueries(stage: Stage, functions: Record<Part, sst.aws.Function>): void {
  for (const { name, query } of logQueries) {
    new aws.cloudwatch.QueryDefinition(`Query-${name}`, {
      name: `${stage.nameOf("queries")}/${name}`,
      logGroupNames: parts.map((part) => functions[part].name.apply((own) => `/aws/lambda/${own}`)),
      queryString: query,
    });
  }
}
