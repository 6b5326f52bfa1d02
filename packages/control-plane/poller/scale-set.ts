// Why: what one loop knows about its scale set between two turns. What must outlive the invocation is what
// toCheckpoint says; everything else can be found out again.
import type { ActionsService, JobNews } from "@runlet/actions-service/service";
import type {
  Checkpoint,
  StoredCheckpoint,
  TargetCheckpoint,
} from "@runlet/coordination/checkpoints";
import type { ScaleSetRow } from "@runlet/coordination/registry";
import { noStatistics, type Statistics } from "@runlet/domain/statistics";
import type { Log } from "@runlet/runtime/log";
import { noFight, type Fight } from "./decide-fight.ts";
import { createNudge, type Nudge } from "./nudge.ts";

export interface Session {
  sessionId: string;
  queueUrl: string;
  queueToken: string;
}

export interface ServedTarget extends TargetCheckpoint {
  /** No attempt before this instant (monotonic ms), after one that failed. */
  retryAt: number;
  failures: number;
  /** The same for owed JobStarted facts: what refuses those may still take a pair. */
  factsRetryAt: number;
  factsFailures: number;
  /** Somebody else changes its replicas. */
  fight: Fight;
  /** The other installation that serves it, as it was last told; "" while there is none. */
  toldForeign: string;
}

export interface ServedSet {
  /** Replaced when the registry's row changes. */
  row: ScaleSetRow;
  service: ActionsService;
  log: Log;
  nudge: Nudge;
  /** The stored checkpoint's version; undefined: none is stored. */
  version: string | undefined;
  session: Session | undefined;
  /** Wall ms since when it is open. */
  sessionSince: number | undefined;
  lastMessageId: number;
  unacknowledged: number | undefined;
  /** Undefined until the service has said something. */
  statistics: Statistics | undefined;
  /** Wall ms since when assigned jobs wait and none has begun; undefined: none waits. */
  waitingSince: number | undefined;
  targets: Map<string, ServedTarget>;
  /** What the next poll sends. */
  capacity: number;
  /** Monotonic ms since when nothing is to be done; undefined: something is. */
  quietSince: number | undefined;
  acquire: {
    /** The host has no acquirejobs: an auto-assign host. */
    absent: boolean;
    /** Acquired since the statistics were counted. */
    takenSince: number;
    /** Acquired, and no news of them since. */
    taken: Set<string>;
    failures: number;
    retryAt: number;
  };
  pollFailures: number;
  /** Polls in a row that brought nothing new and ended much too soon for long polls. */
  quickPolls: number;
  /** Notes for people: news that is in no timeline yet, and whether somebody writes. */
  notes: { untold: JobNews[]; underWay: boolean };
  /** True while nobody needs the session (isOver) and it is closed. */
  closed: boolean;
  /** A close that was refused is tried again then (monotonic ms); undefined: none was. */
  closeAgainAt: number | undefined;
  closeFailures: number;
  /** A session may exist that no checkpoint knows of: then a conflict is an orphan, not somebody else. */
  orphanPossible: boolean;
}

const untried = {
  retryAt: 0,
  failures: 0,
  factsRetryAt: 0,
  factsFailures: 0,
  fight: noFight,
  toldForeign: "",
};

export function createServedSet(
  row: ScaleSetRow,
  service: ActionsService,
  log: Log,
  stored: StoredCheckpoint | undefined,
): ServedSet {
  const from = stored?.checkpoint;
  const targets = Object.entries(from?.targets ?? {}).map(
    ([key, target]): [string, ServedTarget] => [key, { ...target, ...untried }],
  );
  return {
    row,
    service,
    log,
    nudge: createNudge(),
    version: stored?.version,
    session: from?.session,
    sessionSince: from?.sessionSince,
    lastMessageId: from?.lastMessageId ?? 0,
    unacknowledged: from?.unacknowledgedMessageId,
    statistics: from?.statistics,
    waitingSince: from?.waitingSince,
    targets: new Map(targets),
    capacity: 0,
    quietSince: undefined,
    acquire: { absent: false, takenSince: 0, taken: new Set(), failures: 0, retryAt: 0 },
    pollFailures: 0,
    quickPolls: 0,
    notes: { untold: [], underWay: false },
    closed: false,
    closeAgainAt: undefined,
    closeFailures: 0,
    orphanPossible: false,
  };
}

export function newTarget(): ServedTarget {
  return {
    runnerSet: "",
    uid: "",
    pair: { replicas: 0, patchId: 0 },
    sequence: 0,
    busy: 0,
    ...untried,
  };
}

/** The tally as far as it is known. */
export function statisticsOf(set: ServedSet): Statistics {
  return set.statistics ?? noStatistics;
}

/** A newer count from the service; whatever we added to the old one is in it. */
export function takeStatistics(set: ServedSet, statistics: Statistics | undefined): void {
  if (!statistics) return;
  set.statistics = statistics;
  set.acquire.takenSince = 0;
}

export function toCheckpoint(set: ServedSet, fence: string, savedAt: number): Checkpoint {
  const { session, sessionSince } = set;
  return {
    fence,
    scaleSetId: set.row.scaleSetId,
    savedAt,
    ...(session && { session }),
    ...(session && sessionSince !== undefined && { sessionSince }),
    lastMessageId: set.lastMessageId,
    ...(set.unacknowledged !== undefined && { unacknowledgedMessageId: set.unacknowledged }),
    ...(set.statistics && { statistics: set.statistics }),
    ...(set.waitingSince !== undefined && { waitingSince: set.waitingSince }),
    targets: Object.fromEntries([...set.targets].map(([key, target]) => [key, toStored(target)])),
  };
}

function toStored({ runnerSet, uid, pair, sequence, busy, owed }: ServedTarget): TargetCheckpoint {
  return { runnerSet, uid, pair, sequence, busy, ...(owed && { owed }) };
}
