// Why: the service's tally reaches the cluster as an annotation of the poller's (`runlet.dev/statistics`). Anybody may
// write an annotation, so it is read with care.
const fields = [
  "totalAvailableJobs",
  "totalAcquiredJobs",
  "totalAssignedJobs",
  "totalRunningJobs",
  "totalRegisteredRunners",
  "totalBusyRunners",
  "totalIdleRunners",
] as const;

/** The service's tally of one scale set (actions/scaleset, types.go, RunnerScaleSetStatistic). */
export type ShownStatistics = Record<(typeof fields)[number], number>;

/** Undefined for anything that is not the whole tally. */
export function parseStatistics(text: string | undefined): ShownStatistics | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const found = new Map(Object.entries(parsed));
  const numbers = fields.map((field): [string, unknown] => [field, found.get(field)]);
  const isTally = numbers.every(([, value]) => typeof value === "number" && value >= 0);
  // Every field is there, and is a number.
  return isTally ? (Object.fromEntries(numbers) as ShownStatistics) : undefined;
}
