// Why: one set of figures describes a run, for a person's summary and for a machine alike.
import type { SimulatorEvent } from "@runlet/simulators/actions-service/events";
import { countLeftovers, findLeftovers } from "./leftovers.ts";
import type { ScenarioPlan } from "./plan-scenario.ts";
import type { World } from "./world.ts";

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/** The demo's --json line. Times in ms. */
export interface Report {
  jobs: { queued: number; started: number; completed: number; cancelled: number; lost: number };
  runners: { created: number; leftover: number; byCluster: Record<string, number> };
  sessions: { created: number; resumed: number; orphaned: number; conflicts: number };
  latencyMs: { availableToPatch: Percentiles; queuedToStarted: Percentiles };
  handOvers: number;
  takeOvers: number;
  rests: number;
  webhooks: { sent: number; lost: number };
  /** What the run asked of others: calls that Runlet made, and what had to wait or be done again. */
  calls: { service: number; kubernetes: number };
  setbacks: { failedPolls: number; owedPairs: number };
  faults: Record<string, number>;
  seconds: number;
}

/** The figures of a run that has ended. `seconds` is how long it took. */
export function reportOn(world: World, plan: ScenarioPlan, seconds: number): Report {
  const { recorder, service } = world;
  const { jobs } = service.control.ledger();
  const facts = recorder.facts();
  const factsOf = (kind: string) => facts.filter((fact) => fact.kind === kind).length;
  const cancelled = jobs.filter(
    ({ outcome, startedAt }) => outcome === "canceled" && startedAt === undefined,
  );
  // A job is lost when it never ended, or ended otherwise than it was to.
  const good = jobs.filter(
    ({ state, outcome, result }) =>
      state === "completed" && (outcome === result || outcome === "canceled"),
  );
  const refusals = judgeRefusals(facts);
  return {
    jobs: {
      queued: plan.jobs.length,
      started: new Set(startedKeys(facts)).size,
      completed: good.length - cancelled.length,
      cancelled: cancelled.length,
      lost: plan.jobs.length - good.length,
    },
    runners: {
      created: [...recorder.clusterSplit().values()].reduce((sum, n) => sum + n, 0),
      leftover: countLeftovers(findLeftovers(world)),
      byCluster: Object.fromEntries(recorder.clusterSplit()),
    },
    sessions: {
      created: factsOf("session-created"),
      resumed: recorder.count("sessions-resumed"),
      orphaned: refusals.orphans,
      conflicts: refusals.unexplained,
    },
    latencyMs: {
      availableToPatch: percentiles(recorder.availableToPatch()),
      queuedToStarted: percentiles(recorder.queuedToStarted()),
    },
    handOvers: recorder.count("hand-overs"),
    takeOvers: recorder.count("take-overs"),
    rests: recorder.count("rests"),
    webhooks: { sent: factsOf("webhook-sent"), lost: factsOf("webhook-lost") },
    calls: { service: serviceCalls(service), kubernetes: kubernetesCalls(world) },
    setbacks: {
      failedPolls: recorder.count("failed-polls"),
      owedPairs: recorder.count("pairs-owed"),
    },
    faults: countBy(plan.faults.map(({ kind }) => kind)),
    seconds,
  };
}

/** Without the runners' own calls. */
function serviceCalls({ control }: World["service"]): number {
  return control.requests().filter(({ path }) => !path.startsWith("/_")).length;
}

/** By pollers, sweep and reconcilers, each an account or a role; neither nodes nor the recorder's eyes. */
function kubernetesCalls({ clusters }: World): number {
  return [...clusters.values()]
    .flatMap(({ api }) => api.auditLog())
    .filter(({ user }) => /[:/]runlet-/.test(user)).length;
}

function* startedKeys(facts: ReturnType<World["recorder"]["facts"]>) {
  for (const fact of facts) if (fact.kind === "job-started") yield fact.job.key;
}

/**
 * A 409 is explained when the session in the way is an orphan: created, but its answer never reached a poller that
 * could use it (killed or timed out in the one window that cannot be closed), so nobody ever polled with it.
 */
export function judgeRefusals(facts: readonly SimulatorEvent[]) {
  const current = new Map<string, string>();
  const used = new Set<string>();
  const orphans = new Set<string>();
  let unexplained = 0;
  for (const fact of facts) {
    if (fact.kind === "session-created") current.set(fact.scaleSet, fact.sessionId);
    else if (fact.kind === "poll-opened" || fact.kind === "session-refreshed") {
      used.add(fact.sessionId);
    } else if (fact.kind === "session-refused") {
      const inTheWay = current.get(fact.scaleSet);
      if (inTheWay !== undefined && !used.has(inTheWay)) orphans.add(inTheWay);
      else unexplained++;
    }
  }
  return { orphans: orphans.size, unexplained };
}

/** Nearest-rank percentiles, one decimal; 0 when there is nothing. */
export function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => {
    const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
    return Math.round(value * 10) / 10;
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
