// Why: a change of what is deployed should be seen in its review: the resources as text, each with what it was given.
import { types, type Deployment, type Resource } from "./deployment.ts";
import { parseAlarm, type Alarm } from "./judge-alarms.ts";
import { grantsOf } from "./read-policies.ts";

/** Long texts that have tests of their own, and archives whose names change with their content. */
const leftOut = /^(dashboardBody|queryString|logGroupNames\.\d+|source\..*|key|s3Key)$/;

/** Everything that AWS would make, in the order of types and names; random parts of names are stars. */
export function describeDeployment({ stage, resources }: Deployment): string {
  const made = resources.filter(({ custom }) => custom);
  const sorted = made.toSorted((a, b) =>
    `${a.type} ${a.name}`.localeCompare(`${b.type} ${b.name}`),
  );
  const text = sorted.map(describeResource).join("\n\n");
  // SST's own names end so.
  return `${text.replaceAll(new RegExp(`(runlet-${stage}-[A-Z]\\w+)-[a-z]{8}\\b`, "g"), "$1-*")}\n`;
}

function describeResource(resource: Resource): string {
  const { type, name, retainOnDelete, isProtected } = resource;
  const kept = retainOnDelete ? ", kept when the stage is removed" : "";
  const held = isProtected ? ", never replaced" : "";
  const inputs = describeInputs(resource).map((line) => `  ${line}`);
  return [`${type} ${name}${kept}${held}`, ...inputs].join("\n");
}

function describeInputs(resource: Resource): string[] {
  if (resource.type === types.role) {
    const { own, managed, trusted } = grantsOf(resource);
    return [...trusted.map((who) => `for ${who}`), ...managed, ...own];
  }
  if (resource.type === types.alarm) return describeAlarm(parseAlarm(resource));
  return flatten("", resource.inputs).toSorted();
}

/** As one would say it; what all alarms have alike is in judge-alarms.ts. */
function describeAlarm(alarm: Alarm): string[] {
  const { metricQueries, comparisonOperator, threshold, evaluationPeriods } = alarm;
  const figures = metricQueries.map(({ id, metric, expression }) => {
    if (!metric) return `${id} = ${expression}`;
    const { stat, namespace, metricName, dimensions, period } = metric;
    const of = Object.entries(dimensions).map(([key, value]) => `${key}=${value}`);
    return `${id} = ${stat} of ${namespace} ${metricName} {${of.join(", ")}} in ${period / 60} min`;
  });
  const sign = comparisonOperator === "GreaterThanThreshold" ? ">" : "<";
  const times = evaluationPeriods === 1 ? "" : `, ${evaluationPeriods} times in a row`;
  return [alarm.alarmDescription, ...figures, `rings when watched ${sign} ${threshold}${times}`];
}

/** Nested values as `path: value`. */
function flatten(path: string, value: unknown): string[] {
  if (typeof value !== "object" || value === null) {
    return leftOut.test(path) ? [] : [`${path}: ${String(value)}`];
  }
  return Object.entries(value).flatMap(([key, one]) => flatten(path ? `${path}.${key}` : key, one));
}
