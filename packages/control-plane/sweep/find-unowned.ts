// Why: a scale set that was left behind at GitHub (a cluster that burnt down, a chart removed by force) still takes jobs,
// and they wait for ever. Nobody is told, since nobody serves it; so the sweep compares GitHub's list with the registry.
import type { ActionsService, ScaleSet } from "@runlet/actions-service/service";
import type { ScaleSetRow } from "@runlet/coordination/registry";
import type { Clock } from "@runlet/runtime/clock";
import { describeError, type Log } from "@runlet/runtime/log";
import type { MetricSink } from "@runlet/runtime/metrics";

export interface UnownedDeps {
  clock: Clock;
  log: Log;
  metrics: MetricSink;
  findService: (configUrl: string) => Promise<ActionsService | undefined>;
}

/** A scope's list is asked for again after this … */
const againMs = 10 * 60_000;
/** … and those of so many scopes at most a sweep, those longest unasked first. */
const scopesMax = 10;

/** What the lists so far have shown, in a container that stays warm. */
export type ListedScopes = Map<string, { at: number; suspects: ReadonlySet<number> }>;

/** Tells of scale sets that are in no row and have jobs, but no runner, in two lists in a row. */
export async function findUnowned(
  deps: UnownedDeps,
  rows: readonly ScaleSetRow[],
  listed: ListedScopes,
): Promise<void> {
  const now = deps.clock.nowMs();
  const scopes = Map.groupBy(rows, ({ scopeKey }) => scopeKey);
  const lastAt = (scope: string) => listed.get(scope)?.at ?? -Infinity;
  for (const scope of listed.keys()) if (!scopes.has(scope)) listed.delete(scope);
  const due = [...scopes]
    .filter(([scope]) => now - lastAt(scope) >= againMs)
    .toSorted(([a], [b]) => lastAt(a) - lastAt(b))
    .slice(0, scopesMax);
  await Promise.all(
    due.map(async ([scope, own]) => {
      const suspects = await listSuspects(deps, own);
      const before = listed.get(scope)?.suspects;
      for (const { id, name } of suspects.filter(({ id }) => before?.has(id))) {
        deps.log.warn("scale_set_unowned", { scope, scaleSetId: id, name });
        deps.metrics.count("scale-sets-unowned");
      }
      listed.set(scope, { at: now, suspects: new Set(suspects.map(({ id }) => id)) });
    }),
  );
}

/** Scale sets that are not ours, with jobs and without a runner. */
async function listSuspects(deps: UnownedDeps, own: readonly ScaleSetRow[]): Promise<ScaleSet[]> {
  const [row] = own;
  if (!row) return [];
  let service: ActionsService | undefined;
  try {
    service = await deps.findService(row.configUrl);
  } catch (error) {
    // Whose credential cannot be read is told by the check of credentials; the other scopes are listed.
    deps.log.warn("scale_sets_not_listed", { scope: row.scopeKey, error: describeError(error) });
  }
  if (!service) return [];
  const outcome = await service.listScaleSets();
  if (!outcome.ok) {
    deps.log.warn("scale_sets_not_listed", { scope: row.scopeKey, failure: outcome.failure });
    return [];
  }
  const ids = new Set(own.map(({ scaleSetId }) => scaleSetId));
  return outcome.value.filter(({ id, statistics }) => {
    if (ids.has(id) || !statistics) return false;
    const { totalAssignedJobs, totalAvailableJobs, totalRegisteredRunners } = statistics;
    return totalAssignedJobs + totalAvailableJobs > 0 && totalRegisteredRunners === 0;
  });
}
