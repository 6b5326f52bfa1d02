// Why: whatever is done to the ledger in whatever order, no job is lost, doubled or in two places,
// the statistics add up, and from every state there is a way to the end.
import fc from "fast-check";
import { expect, test } from "vitest";
import { acquireJobs, admitJobs, assignAcquired } from "./assign-jobs.ts";
import { cancelJob, finishJob } from "./end-jobs.ts";
import {
  emptyLedger,
  endedJobs,
  matches,
  type Job,
  type JobOrder,
  type Ledger,
  type Move,
  type News,
  type Rules,
} from "./ledger.ts";
import { deleteMessage, nextMessage } from "./messages.ts";
import { giveUpAssignment, queueJob } from "./queue-jobs.ts";
import { connectRunner, loseRunner, registerRunner, removeRunner, startJob } from "./runners.ts";
import { addScaleSet, removeScaleSet } from "./scale-sets.ts";
import { tally } from "./tally.ts";

const sets = [
  { key: "a", scope: "org", labels: ["linux", "small"], firstMessageId: 1 },
  { key: "b", scope: "org", labels: ["linux"], firstMessageId: 1 },
  { key: "c", scope: "org/repo", labels: ["Linux"], firstMessageId: 100 },
];

const modes: Rules["mode"][] = ["acquire", "auto-assign"];
const rulesOf = (mode: Rules["mode"]): Rules => ({ mode, entriesMax: 3, requeuesMax: 2 });

function order(labels: string[]): JobOrder {
  return {
    owner: "Org",
    repository: "repo",
    enterprise: undefined,
    labels,
    jobId: "1",
    displayName: "build",
    workflowRef: "org/repo/.github/workflows/ci.yml@refs/heads/main",
    workflowRunId: 1n,
    eventName: "push",
    durationMs: 1,
    result: "succeeded",
  };
}

/** One random deed; `pick` chooses which of what there is. */
type Deed = { verb: keyof typeof verbs; pick: number; amount: number };

interface State {
  ledger: Ledger;
  news: News[];
}

const jobAt = (ledger: Ledger, pick: number): Job | undefined =>
  [...ledger.open.values()][pick % Math.max(1, ledger.open.size)];
const runnerAt = (ledger: Ledger, pick: number): number =>
  [...ledger.runners.keys()][pick % Math.max(1, ledger.runners.size)] ?? 0;
const setAt = (pick: number) => sets[pick % sets.length] ?? sets[0] ?? fail();

function fail(): never {
  throw new Error("there are sets");
}

const verbs = {
  queue: (ledger: Ledger, rules: Rules, { pick }: Deed): Move<unknown> =>
    queueJob(ledger, rules, order(pick % 2 === 0 ? ["linux"] : ["LINUX", "small"]), pick),
  acquire: (ledger: Ledger, _rules: Rules, { pick, amount }: Deed): Move<unknown> => {
    const ids = [...ledger.open.values()].slice(0, amount).map((job) => job.requestId);
    return acquireJobs(ledger, setAt(pick).key, ids);
  },
  assign: (ledger: Ledger, _rules: Rules, { pick }: Deed): Move<unknown> =>
    assignAcquired(ledger, jobAt(ledger, pick) ?? { key: "none", requestId: 0n }, pick),
  admit: (ledger: Ledger, rules: Rules, { pick, amount }: Deed): Move<unknown> =>
    rules.mode === "auto-assign"
      ? admitJobs(ledger, setAt(pick).key, amount, pick)
      : { ledger, news: [], value: undefined },
  register: (ledger: Ledger, _rules: Rules, { pick, amount }: Deed): Move<unknown> => {
    const { key, scope } = setAt(pick);
    return ledger.scaleSets.has(key)
      ? registerRunner(ledger, { name: `r${amount}`, scope, scaleSet: key }, pick)
      : { ledger, news: [], value: undefined };
  },
  connect: (ledger: Ledger, _rules: Rules, { pick }: Deed) =>
    connectRunner(ledger, runnerAt(ledger, pick)),
  start: (ledger: Ledger, _rules: Rules, { pick }: Deed) =>
    startJob(ledger, runnerAt(ledger, pick), pick),
  finish: (ledger: Ledger, _rules: Rules, { pick }: Deed) =>
    finishJob(ledger, jobAt(ledger, pick)?.key ?? "", "succeeded", pick),
  cancel: (ledger: Ledger, _rules: Rules, { pick }: Deed) =>
    cancelJob(ledger, jobAt(ledger, pick)?.key ?? "", pick),
  giveUp: (ledger: Ledger, rules: Rules, { pick }: Deed) =>
    giveUpAssignment(ledger, rules, jobAt(ledger, pick) ?? { key: "", requestId: 0n }, pick),
  lose: (ledger: Ledger, _rules: Rules, { pick }: Deed) =>
    loseRunner(ledger, runnerAt(ledger, pick), "failed", pick),
  remove: (ledger: Ledger, _rules: Rules, { pick }: Deed) =>
    removeRunner(ledger, runnerAt(ledger, pick)),
  read: (ledger: Ledger, rules: Rules, { pick, amount }: Deed) =>
    nextMessage(ledger, setAt(pick).key, amount, rules.entriesMax),
  delete: (ledger: Ledger, _rules: Rules, { pick, amount }: Deed) =>
    deleteMessage(ledger, setAt(pick).key, amount),
  toggleSet: (ledger: Ledger, rules: Rules, { pick }: Deed): Move<unknown> => {
    const set = setAt(pick);
    return ledger.scaleSets.has(set.key)
      ? removeScaleSet(ledger, rules, set.key)
      : addScaleSet(ledger, rules, set);
  },
};

const deeds = fc.array(
  fc.record({
    // Sets come and go seldom, or there would never be much in them.
    verb: fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(...keysOf(verbs)) },
      { weight: 8, arbitrary: fc.constantFrom("queue" as const, "connect" as const) },
    ),
    pick: fc.nat(12),
    amount: fc.nat(6),
  }),
  { minLength: 30, maxLength: 120 },
);

function keysOf<T extends object>(value: T): (keyof T)[] {
  // The object is a literal of this file: it has no other keys.
  return Object.keys(value) as (keyof T)[];
}

/** Does the deeds and calls `judge` after each. */
function play(
  mode: Rules["mode"],
  all: Deed[],
  judge: (state: State, before: Ledger, deed: Deed) => void,
): Ledger {
  const rules = rulesOf(mode);
  let ledger = sets.reduce((one, set) => addScaleSet(one, rules, set).ledger, emptyLedger);
  for (const deed of all) {
    const move = verbs[deed.verb](ledger, rules, deed);
    judge({ ledger: move.ledger, news: [...move.news] }, ledger, deed);
    ledger = move.ledger;
  }
  return ledger;
}

const property = (judge: (state: State, before: Ledger, deed: Deed, mode: Rules["mode"]) => void) =>
  fc.assert(
    fc.property(fc.constantFrom(...modes), deeds, (mode, all) => {
      play(mode, all, (state, before, deed) => judge(state, before, deed, mode));
    }),
    { numRuns: 300 },
  );

test("jobs are conserved: queued = open + completed, and each job is in one place", () => {
  property(({ ledger }) => {
    const ended = endedJobs(ledger);
    expect(ledger.queuedCount).toBe(ledger.open.size + ended.length);
    expect(ledger.completedCount).toBe(ended.length);
    const keys = [...ledger.open.keys(), ...ended.map((job) => job.key)];
    expect(new Set(keys).size).toBe(keys.length);
    expect(ledger.canceledCount).toBe(ended.filter((job) => job.startedAt === undefined).length);
    expect(ended.every((job) => job.state === "completed" && job.outcome !== undefined)).toBe(true);
  });
});

test("a job has a scale set exactly when it is held, and a busy runner exactly while it runs", () => {
  property(({ ledger }) => {
    for (const job of ledger.open.values()) {
      expect(job.scaleSet === undefined).toBe(job.state === "available");
      const runner = job.runnerId === undefined ? undefined : ledger.runners.get(job.runnerId);
      expect(runner?.job).toBe(job.state === "running" ? job.key : undefined);
      if (job.state === "acquired" || job.state === "assigned") {
        expect(ledger.scaleSets.has(job.scaleSet ?? "")).toBe(true);
      }
    }
    for (const runner of ledger.runners.values()) {
      expect(runner.state === "busy").toBe(runner.job !== undefined);
      if (runner.job !== undefined) expect(ledger.open.get(runner.job)?.state).toBe("running");
    }
  });
});

test("the statistics add up, within a set and over all sets", () => {
  property(({ ledger }, _before, _deed, mode) => {
    let [assigned, running] = [0, 0];
    for (const key of ledger.scaleSets.keys()) {
      const one = tally(ledger, key, mode);
      expect(one.totalRegisteredRunners).toBe(one.totalBusyRunners + one.totalIdleRunners);
      expect(one.totalRunningJobs).toBe(one.totalBusyRunners);
      expect(one.totalAssignedJobs).toBeGreaterThanOrEqual(one.totalRunningJobs);
      assigned += one.totalAssignedJobs;
      running += one.totalRunningJobs;
    }
    const held = [...ledger.open.values()].filter((job) =>
      ledger.scaleSets.has(job.scaleSet ?? ""),
    );
    expect(running).toBe(held.filter((job) => job.state === "running").length);
    expect(assigned - running).toBe(held.filter((job) => job.state === "assigned").length);
  });
});

test("only jobs that match are held, and admission never passes the capacity", () => {
  property(({ ledger }, before, deed) => {
    for (const job of ledger.open.values()) {
      const set = ledger.scaleSets.get(job.scaleSet ?? "");
      if (set) expect(matches(set, job)).toBe(true);
    }
    if (deed.verb !== "admit") return;
    const key = setAt(deed.pick).key;
    const count = (of: Ledger) => tally(of, key, "auto-assign").totalAssignedJobs;
    expect(count(ledger)).toBeLessThanOrEqual(Math.max(deed.amount, count(before)));
  });
});

test("messages keep their order, their size and every entry until they are deleted", () => {
  property(({ ledger }, before, deed) => {
    for (const set of ledger.scaleSets.values()) {
      const ids = set.log.map((message) => message.id);
      expect(ids).toEqual([...ids].sort((one, two) => one - two));
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.every((id) => id < set.nextMessageId)).toBe(true);
      expect(set.log.every(({ entries }) => entries.length >= 1 && entries.length <= 3)).toBe(true);
      const old = before.scaleSets.get(set.key);
      if (!old || deed.verb === "toggleSet") continue;
      const all = (of: typeof set) => [...of.log.flatMap((one) => one.entries), ...of.pending];
      const gone =
        deed.verb === "delete" && setAt(deed.pick).key === set.key
          ? (old.log.find((message) => message.id === deed.amount)?.entries ?? [])
          : [];
      const kept = all(old).filter((entry) => !gone.includes(entry));
      expect(all(set).slice(0, kept.length)).toEqual(kept);
    }
  });
});

test("request ids only grow, and a job that is queued again has a new one", () => {
  property(({ ledger, news }, before) => {
    expect(ledger.nextRequestId).toBeGreaterThanOrEqual(before.nextRequestId);
    for (const one of news) {
      if (one.kind === "job-requeued" || one.kind === "job-queued") {
        expect(one.job.requestId).toBeGreaterThanOrEqual(before.nextRequestId);
      }
    }
    const ids = [...ledger.open.values()].map((job) => job.requestId);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

test("a busy runner is never removed but by the end of its job", () => {
  property(({ ledger }, before) => {
    for (const runner of before.runners.values()) {
      if (runner.state !== "busy" || ledger.runners.has(runner.id)) continue;
      expect(ledger.open.has(runner.job ?? "")).toBe(false);
    }
  });
});

test("news tell each change of a job once: the states they tell are the states it has", () => {
  property(({ ledger, news }, before) => {
    const completed = news.filter((one) => one.kind === "job-completed");
    expect(completed.length).toBe(ledger.completedCount - before.completedCount);
    const started = news.flatMap((one) => (one.kind === "job-started" ? [one] : []));
    const running = (of: Ledger) =>
      new Set([...of.open.values()].flatMap((job) => (job.state === "running" ? [job.key] : [])));
    const fresh = [...running(ledger)].filter((key) => !running(before).has(key));
    expect(started.map((one) => one.job.key)).toEqual(fresh);
  });
});

test("while no message is deleted, a listener that starts anew brings all jobs to their end by messages alone", () => {
  fc.assert(
    fc.property(fc.constantFrom(...modes), deeds, (mode, all) => {
      const undeleted = all.filter((deed) => deed.verb !== "delete");
      expectDrained(
        drain(
          mode,
          play(mode, undeleted, () => {}),
          () => [],
        ),
      );
    }),
    { numRuns: 300 },
  );
});

test("messages deleted unread cost no job either: it is still acquirable", () => {
  fc.assert(
    fc.property(fc.constantFrom(...modes), deeds, (mode, all) => {
      const acquirable = (ledger: Ledger) =>
        [...ledger.open.values()].filter((job) => job.state === "available");
      expectDrained(
        drain(
          mode,
          play(mode, all, () => {}),
          acquirable,
        ),
      );
    }),
    { numRuns: 300 },
  );
});

function expectDrained(ledger: Ledger) {
  expect(ledger.open.size).toBe(0);
  expect(ledger.completedCount).toBe(ledger.queuedCount);
}

/** What a listener with fresh runners does, in rounds, knowing only messages and `others`. */
function drain(mode: Rules["mode"], from: Ledger, others: (ledger: Ledger) => Job[]): Ledger {
  const rules = { ...rulesOf(mode), requeuesMax: 1_000 };
  let ledger = from;
  const make = <T>(move: Move<T>): T => {
    ledger = move.ledger;
    return move.value;
  };
  for (const set of sets) {
    if (!ledger.scaleSets.has(set.key)) make(addScaleSet(ledger, rules, set));
  }
  for (let round = 0; round < 3; round++) {
    for (const { key, scope } of sets) {
      if (mode === "auto-assign") make(admitJobs(ledger, key, 1_000, round));
      for (let last = 0; ;) {
        const message = make(nextMessage(ledger, key, last, rules.entriesMax));
        if (!message) break;
        const ids = message.entries.map((entry) => entry.job.requestId);
        if (mode === "acquire") make(acquireJobs(ledger, key, ids));
        last = message.id;
      }
      const ids = others(ledger).map((job) => job.requestId);
      if (mode === "acquire") make(acquireJobs(ledger, key, ids));
      for (const job of ledger.open.values()) make(assignAcquired(ledger, job, round));
      while (tally(ledger, key, mode).totalAssignedJobs > 0) {
        const name = `drain-${ledger.nextRunnerId}`;
        const runner = make(registerRunner(ledger, { name, scope, scaleSet: key }, round));
        make(connectRunner(ledger, runner?.id ?? 0));
        make(startJob(ledger, runner?.id ?? 0, round));
        for (const job of ledger.open.values()) {
          make(finishJob(ledger, job.key, "succeeded", round));
        }
      }
    }
  }
  for (const job of ledger.open.values()) make(finishJob(ledger, job.key, "succeeded", 9));
  return ledger;
}
