// Why: the ledger as a person or a test reads it: every job once, and counts that must add up.
import type { Statistics } from "@runlet/domain/statistics";
import { endedJobs, type Job } from "../job-ledger/ledger.ts";
import { tally } from "../job-ledger/tally.ts";
import type { Simulation } from "./simulation.ts";

export interface LedgerReport {
  counts: {
    queued: number;
    available: number;
    acquired: number;
    assigned: number;
    running: number;
    /** All that have ended … */
    completed: number;
    /** … and of those the ones that never ran. */
    canceled: number;
  };
  jobs: Job[];
  scaleSets: {
    key: string;
    name: string;
    statistics: Statistics;
    /** Messages not deleted, and news not yet in a message. */
    messageIds: number[];
    pendingCount: number;
  }[];
}

export function describeLedger({ desk, scaleSets, options }: Simulation): LedgerReport {
  const ledger = desk.ledger();
  const open = [...ledger.open.values()];
  const count = (state: string) => open.filter((job) => job.state === state).length;
  return {
    counts: {
      queued: ledger.queuedCount,
      available: count("available"),
      acquired: count("acquired"),
      assigned: count("assigned"),
      running: count("running"),
      completed: ledger.completedCount,
      canceled: ledger.canceledCount,
    },
    jobs: [...endedJobs(ledger), ...open],
    scaleSets: scaleSets.list().map(({ key, name }) => {
      const set = ledger.scaleSets.get(key);
      return {
        key,
        name,
        statistics: tally(ledger, key, options.mode),
        messageIds: set?.log.map((message) => message.id) ?? [],
        pendingCount: set?.pending.length ?? 0,
      };
    }),
  };
}

/** A copy for reading by people: every instant (`at`, `…At`) as a date. */
export function withTimes(value: unknown, wall: (at: number) => number): unknown {
  if (Array.isArray(value)) return value.map((item) => withTimes(item, wall));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => [
      key,
      typeof item === "number" && /(^at|At)$/.test(key)
        ? new Date(wall(item)).toISOString()
        : withTimes(item, wall),
    ]),
  );
}
