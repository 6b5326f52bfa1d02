// Why: the one place where the pure ledger meets time: it keeps the present ledger, publishes what
// each move brought, wakes who waits for it, and starts the clocks that the rules ask for.
import type { Clock } from "@runlet/runtime/clock";
import { assignAcquired } from "../job-ledger/assign-jobs.ts";
import {
  emptyLedger,
  matches,
  type Ledger,
  type Move,
  type News,
  type Rules,
} from "../job-ledger/ledger.ts";
import { announce, giveUpAssignment } from "../job-ledger/queue-jobs.ts";
import { createJobClocks } from "./job-clocks.ts";
import type { Events } from "./events.ts";
import type { Knobs, Mode } from "./knobs.ts";

export interface JobDesk {
  ledger(): Ledger;
  rules(): Rules;
  /** Makes a move: keeps its ledger, tells its news, gives back its value. */
  commit<T>(move: Move<T>): T;
  /**
   * Calls `changed` whenever something may have changed for a scale set; ends with the returned
   * function.
   */
  watch(scaleSet: string, changed: () => void): () => void;
  stop(): void;
}

export function createJobDesk(
  deps: { clock: Clock; events: Events; knobs: () => Knobs },
  mode: Mode,
): JobDesk {
  const { clock, events, knobs } = deps;
  const watchers = new Map<string, Set<() => void>>();
  let ledger = emptyLedger;

  const rules = (): Rules => ({
    mode,
    entriesMax: knobs().entriesMax,
    requeuesMax: knobs().requeuesMax,
  });

  const clocks = createJobClocks({
    clock,
    knobs,
    announce: (job) => commit(announce(ledger, rules(), job)),
    assign: (job) => void commit(assignAcquired(ledger, job, clock.nowMs())),
    giveUp: (job) => void commit(giveUpAssignment(ledger, rules(), job, clock.nowMs())),
  });

  function commit<T>(move: Move<T>): T {
    const before = ledger;
    ledger = move.ledger;
    for (const news of move.news) {
      clocks.follow(news);
      events.publish(news);
    }
    for (const [scaleSet, changed] of watchers) {
      if (concerns(before, ledger, move.news, scaleSet)) for (const call of changed) call();
    }
    if (knobs().assignDelayMs === 0) assignAtOnce(move.news);
    return move.value;
  }

  function assignAtOnce(news: readonly News[]) {
    for (const one of news) {
      if (one.kind !== "job-acquired") continue;
      commit(assignAcquired(ledger, one.job, clock.nowMs()));
    }
  }

  return {
    ledger: () => ledger,
    rules,
    commit,
    watch(scaleSet, changed) {
      const all = watchers.get(scaleSet) ?? new Set();
      watchers.set(scaleSet, all.add(changed));
      return () => {
        all.delete(changed);
        if (all.size === 0 && watchers.get(scaleSet) === all) watchers.delete(scaleSet);
      };
    },
    stop: () => clocks.stop(),
  };
}

/** Its messages or runners changed, or a job came that it could run. */
function concerns(before: Ledger, now: Ledger, news: readonly News[], scaleSet: string): boolean {
  const set = now.scaleSets.get(scaleSet);
  if (before.scaleSets.get(scaleSet) !== set) return true;
  return news.some((one) => {
    if ("runner" in one) return one.runner.scaleSet === scaleSet;
    const queued = one.kind === "job-queued" || one.kind === "job-requeued";
    return queued && set !== undefined && matches(set, one.job);
  });
}
