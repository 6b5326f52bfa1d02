// Why: a webhook names labels and a repository; which scale sets that can mean is a look at the registry,
// kept for 30 s so that a flood of events costs one read.
import type { Registry, ScaleSetRow } from "@runlet/coordination/registry";
import { matchesLabels } from "@runlet/domain/match-labels";
import type { Clock } from "@runlet/runtime/clock";
import type { WorkflowJob } from "./workflow-job.ts";

const keptMs = 30_000;

/** A finder over `registry`'s rows; they are read at most every 30 s. */
export function createShardFinder(deps: { registry: Registry; clock: Clock }) {
  let rows: Promise<ScaleSetRow[]> | undefined;
  let readAt = -Infinity;

  function read(): Promise<ScaleSetRow[]> {
    if (rows && deps.clock.nowMs() - readAt < keptMs) return rows;
    readAt = deps.clock.nowMs();
    rows = deps.registry.listScaleSets().then((found) => found.map(({ row }) => row));
    // A failed read is not kept.
    rows.catch(() => (rows = undefined));
    return rows;
  }

  return async (job: WorkflowJob): Promise<{ shard: string; scaleSetKey: string }[]> =>
    (await read())
      .filter((row) => inScope(row.scopeKey, job) && matchesLabels(row.labels, job.labels))
      .map((row) => ({ shard: row.shard, scaleSetKey: row.key }));
}

/** True when a scale set of `scopeKey` (`host/org`, `host/org/repo`, `host/enterprises/name`) can get the job. */
export function inScope(scopeKey: string, job: WorkflowJob): boolean {
  const [host, ...path] = scopeKey.split("/");
  if (host !== job.host) return false;
  if (path[0] === "enterprises" && path.length === 2) {
    // Old servers leave the enterprise out: then any organisation's job may be ours.
    return job.enterprise === undefined || job.enterprise === path[1];
  }
  return path.join("/") === (path.length === 2 ? job.repository : job.owner);
}
