// Why: two replicas make an update or a lost node a matter of seconds, but only one may act. The holder of a Lease
// leads; the others look at it and judge by their own clocks whether it still moves (invariant I14), as client-go's
// leader election does. Clocks are never compared.
import type { KubernetesClient, ObjectKey } from "@runlet/kubernetes/client";
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import { createLeaderLease, type LeaderLease, type LeaseRecord } from "./leader-lease.ts";
import { createTerm, type LeaseTerm, type Term } from "./leader-term.ts";

export interface ElectionDeps {
  /** Not guarded by a term. */
  client: KubernetesClient;
  clock: Clock;
  log: Log;
}

export interface ElectionOptions {
  lease: Required<ObjectKey>;
  /** Of this process; no two may have the same. */
  identity: string;
  settings?: Partial<ElectionSettings>;
}

export interface ElectionSettings {
  /** A leader that is killed is followed after this and one look. */
  leaseMs: number;
  renewEveryMs: number;
  /** How often the others look. */
  lookEveryMs: number;
}

// Kill to successor in under 15 s: length, plus what passes between renewal and look, twice at most.
export const electionSettings: ElectionSettings = {
  leaseMs: 10_000,
  renewEveryMs: 2_000,
  lookEveryMs: 1_000,
};

export interface Election {
  /**
   * Leads whenever it can until `signal` aborts, then lets `lead` end and releases the lease. Rejects with what `lead`
   * rejects with, unless its term was over.
   */
  run(signal: AbortSignal, lead: (term: Term) => Promise<void>): Promise<void>;
  isLeader(): boolean;
  /** Monotonic instant of the last answer about the lease. */
  heardAtMs(): number;
}

export function createElection(deps: ElectionDeps, options: ElectionOptions): Election {
  const settings = { ...electionSettings, ...options.settings };
  const { clock } = deps;
  const { leaseMs, renewEveryMs } = settings;
  const lease = createLeaderLease(deps, {
    key: options.lease,
    identity: options.identity,
    leaseMs,
    limitMs: renewEveryMs,
  });
  const state = { leader: false, heardAtMs: clock.nowMs() };
  const contest: Contest = {
    clock,
    lease,
    settings,
    identity: options.identity,
    log: deps.log.with({ lease: `${options.lease.namespace}/${options.lease.name}` }),
    heard: () => (state.heardAtMs = clock.nowMs()),
  };
  return {
    isLeader: () => state.leader,
    heardAtMs: () => state.heardAtMs,
    async run(signal, lead) {
      while (!signal.aborted) {
        const won = await win(contest, signal);
        if (!won) return;
        state.leader = true;
        await serve(contest, won, signal, lead).finally(() => (state.leader = false));
      }
    },
  };
}

interface Contest {
  clock: Clock;
  lease: LeaderLease;
  log: Log;
  settings: ElectionSettings;
  identity: string;
  heard(): void;
}

interface Won {
  record: LeaseRecord;
  /** Before the write that took it. */
  fromMs: number;
}

/** Looks until the lease is ours; undefined when `signal` aborts. */
async function win(contest: Contest, signal: AbortSignal): Promise<Won | undefined> {
  const { clock, settings, log } = contest;
  let seen = { version: "", sinceMs: 0, holder: "" };
  while (!signal.aborted) {
    try {
      const found = await contest.lease.read(signal);
      contest.heard();
      const version = found?.metadata.resourceVersion ?? "";
      const holder = found?.spec?.holderIdentity ?? "";
      if (holder !== seen.holder) log.info("leader_seen", { holder: holder || "nobody" });
      if (version !== seen.version || !found) {
        seen = { version, sinceMs: clock.nowMs(), holder };
      }
      if (isFree(contest, found, clock.nowMs() - seen.sinceMs)) {
        const fromMs = clock.nowMs();
        const record = await contest.lease.take(found, signal);
        if (record) return { record, fromMs };
      }
    } catch (error) {
      if (signal.aborted) return undefined;
      log.warn("leader_lease_unreadable", { error });
    }
    await clock.sleep(settings.lookEveryMs, signal).catch(() => {});
  }
  return undefined;
}

/** Nobody's, ours from an earlier term, or unmoved for as long as its holder said. */
function isFree({ identity, settings }: Contest, found: LeaseRecord | undefined, stoodMs: number) {
  const { holderIdentity = "", leaseDurationSeconds } = found?.spec ?? {};
  if (holderIdentity === "" || holderIdentity === identity) return true;
  const lengthMs = leaseDurationSeconds ? leaseDurationSeconds * 1_000 : settings.leaseMs;
  return stoodMs >= lengthMs;
}

async function serve(
  contest: Contest,
  { record, fromMs }: Won,
  signal: AbortSignal,
  lead: (term: Term) => Promise<void>,
): Promise<void> {
  const { clock, log, settings, identity } = contest;
  const term = createTerm(clock, { fromMs, leaseMs: settings.leaseMs, gentle: signal });
  const done = new AbortController();
  log.info("leader_elected", { identity, transitions: record.spec?.leaseTransitions });
  const keeping = keep(contest, term, record, done.signal);
  try {
    await lead(term);
  } catch (error) {
    if (!term.over.aborted) throw error;
  } finally {
    done.abort(new Error("the work has ended"));
    const held = await keeping;
    if (term.over.aborted) log.warn("leader_lost", { error: term.over.reason as Error });
    else await release(contest, term, held);
  }
}

/** Renews until `done` or the term is over; resolves to the last record. Ends the term when somebody else leads. */
async function keep(
  contest: Contest,
  term: LeaseTerm,
  first: LeaseRecord,
  done: AbortSignal,
): Promise<LeaseRecord> {
  const { clock, lease, log, settings, identity } = contest;
  const { over } = term;
  const until = AbortSignal.any([done, over]);
  let held = first;
  while (!until.aborted) {
    await clock.sleep(settings.renewEveryMs, until).catch(() => {});
    if (until.aborted) break;
    // A renewal that is under way ends before the release, which names its version.
    const fromMs = clock.nowMs();
    try {
      const renewed = await lease.renew(held, over);
      contest.heard();
      if (renewed) {
        held = renewed;
        term.extend(fromMs);
        continue;
      }
      // A renewal whose answer was lost has moved the version too.
      const found = await lease.read(over);
      if (found?.spec?.holderIdentity === identity) held = found;
      else term.end("another replica holds the lease");
    } catch (error) {
      if (!over.aborted) log.warn("leader_lease_not_renewed", { error });
    }
  }
  return held;
}

async function release({ lease, log }: Contest, term: LeaseTerm, held: LeaseRecord) {
  term.end("released");
  try {
    await lease.release(held);
    log.info("leader_released");
  } catch (error) {
    // The others wait for its end then.
    log.warn("leader_lease_not_released", { error });
  }
}
