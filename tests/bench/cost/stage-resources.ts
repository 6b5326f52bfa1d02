// Why: what a stage costs before it serves anything hangs on how many alarms, keys and secrets stacks/ declares. They are
// counted by running stacks/ with everything that it makes replaced by a note of it; that the real components take the
// same words is the business of tests/stacks.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parts, type Part } from "./meter.ts";

export interface StageResources {
  /** Metrics that alarms look at: CloudWatch charges by them, not by alarms. */
  alarmMetrics: number;
  alarms: number;
  dashboards: number;
  keys: number;
  secrets: number;
  memoryMb: Record<Part, number>;
  /** Events of GitHub that are answered at once. */
  webhookConcurrency: number;
  /** How long logs are kept, e.g. `3 months`. */
  logRetention: string;
}

interface Made {
  kind: string;
  args: Record<string, unknown>;
}

/** Runs `deploy()` of stacks/ for the stage `prod`; this process must not run it for anything else. */
export async function countStageResources(): Promise<StageResources> {
  const made: Made[] = [];
  const globals = globalThis as Record<string, unknown>; // SST gives its configuration globals
  globals["sst"] = noting(made, "sst");
  globals["aws"] = noting(made, "aws");
  globals["$app"] = { name: "runlet", stage: "prod" };
  globals["$interpolate"] = () => "interpolated";
  globals["$jsonStringify"] = () => "json";
  const path = join(import.meta.dirname, "../../../stacks/index.ts");
  // The path is computed: stacks/ is checked against SST's types, in a project of its own.
  const { deploy } = (await import(pathToFileURL(path).href)) as { deploy(): unknown };
  deploy();
  const of = (kind: string) => made.filter((one) => one.kind === kind);
  const alarms = of("aws.cloudwatch.MetricAlarm");
  return {
    alarms: alarms.length,
    alarmMetrics: alarms.flatMap(({ args }) => metricsOf(args["metricQueries"])).length,
    dashboards: of("aws.cloudwatch.Dashboard").length,
    keys: of("aws.kms.Key").length,
    secrets: of("aws.secretsmanager.Secret").length,
    ...readFunctions(of("sst.aws.Function").map(({ args }) => args)),
  };
}

function readFunctions(functions: Record<string, unknown>[]) {
  const argsOf = (part: Part) => {
    const args = functions.find(({ handler }) => handler === `functions/${part}.handler`);
    if (!args) throw new Error(`stacks/ declares no function ${part}`);
    // What stacks/function.ts gives.
    return args as {
      memory: string;
      concurrency: { reserved: number };
      logging: { retention: string };
    };
  };
  const memory = parts.map((part) => [part, Number.parseInt(argsOf(part).memory)]);
  return {
    memoryMb: Object.fromEntries(memory) as Record<Part, number>, // a value for each of `parts`
    webhookConcurrency: argsOf("webhook").concurrency.reserved,
    logRetention: argsOf("poller").logging.retention,
  };
}

/** Queries of a metric; an expression over them is not charged. */
function metricsOf(queries: unknown): unknown[] {
  if (!Array.isArray(queries)) throw new Error("an alarm of stacks/ has no metric queries");
  return (queries as object[]).filter((query) => "metric" in query); // what stacks/alarms.ts gives
}

/** Anything under the path: can be read, called and constructed; a construction is noted. */
function noting(made: Made[], path: string): unknown {
  // A function, since only those can be called and constructed.
  return new Proxy(function () {}, {
    get: (_, name) => {
      if (typeof name === "symbol") return name === Symbol.toPrimitive ? () => path : undefined;
      return noting(made, `${path}.${name}`);
    },
    apply: () => noting(made, `${path}()`),
    construct: (_, [, args = {}]: unknown[]) => {
      made.push({ kind: path, args: args as Record<string, unknown> }); // a component's second argument
      return noting(made, `${path}#`) as object;
    },
  });
}
