import { describe, expect, it } from "vitest";
import {
  explainJob,
  placesOf,
  type JobAnswer,
  type JobNote,
  type JobScaleSet,
  type JobTarget,
} from "./explain-job.ts";

const key = "github.com/acme:7";
const start = Date.parse("2026-11-25T10:00:00Z");
const s = 1_000;

const target: JobTarget = {
  cluster: "east",
  silent: undefined,
  ailing: undefined,
  owed: false,
  draining: false,
  desired: 2,
  actual: 2,
  busy: 1,
  maxRunners: 5,
};
const west = { ...target, cluster: "west" };
const linux: JobScaleSet = {
  name: "linux",
  health: { word: "served", reason: "2 jobs, and the runners for them" },
  assigned: 2,
  targets: [target],
};

/** Notes at seconds after `start`. */
const note = (what: JobNote["what"], at: number, by = "poller", more: Partial<JobNote> = {}) => ({
  what,
  at: start + at * s,
  by,
  scaleSetKey: key,
  ...more,
});
const seen = note("first-seen", 0, "webhook");
const announced = note("first-seen", 0);
const assigned = note("assigned", 2);
const started = note("started", 5, "poller", { runnerName: "linux-abc-1" });
const done = note("completed", 65, "poller", { runnerName: "linux-abc-1", detail: "succeeded" });

type Case = {
  notes: JobNote[];
  set?: Partial<JobScaleSet>;
  /** Seconds after `start`. */
  now?: number;
};
const explain = ({ notes, set, now = 10 }: Case) =>
  explainJob(notes, new Map([[key, { ...linux, ...set }]]), start + now * s);
const ill = (word: string) => ({ health: { word, reason: `what ${word} means` } });

describe("why a job waits", () => {
  it.each<[JobAnswer["state"], string, Case]>([
    ["seen", "seen by a webhook for linux 10 s ago; GitHub has not assigned", { notes: [seen] }],
    ["seen", "whether the runner group admits this repository", { notes: [seen], now: 90 }],
    ["seen", "compare runs-on", { notes: [{ what: "first-seen", at: start, by: "webhook" }] }],
    ["announced", "announced to linux 10 s ago; it is acquired", { notes: [announced] }],
    ["announced", "acquire_failed", { notes: [seen, announced], now: 100 }],
    [
      "at-maximum",
      "has 5 jobs and its maxRunners allow 5",
      { notes: [seen], set: { assigned: 5 } },
    ],
    ["at-maximum", "raise maxRunners", { notes: [assigned], set: { assigned: 6 } }],
    [
      "at-maximum",
      "allow 5 runners: it waits for one of them to end; raise maxRunners, or give it another cluster; besides: what degraded means",
      {
        notes: [assigned],
        set: { ...ill("degraded"), assigned: 6, targets: [target, { ...west, silent: "away" }] },
      },
    ],
    ["starting", "has 1 of 2", { notes: [assigned], set: { targets: [{ ...target, actual: 1 }] } }],
    [
      "starting",
      "an unknown number of 2",
      { notes: [assigned], set: { targets: [{ ...target, actual: undefined }] } },
    ],
    [
      "starting",
      "with the next message (2 runners, 2 with a job)",
      { notes: [assigned], set: { targets: [{ ...target, busy: 2 }] } },
    ],
    ["starting", "linux 8.0 s ago; its runner is starting (2 runners, 1", { notes: [assigned] }],
    ["starting", "that is long", { notes: [assigned], now: 400 }],
    ["starting", "about to wake", { notes: [assigned], set: ill("resting") }],
    [
      "starting",
      "1 with a job); besides: what degraded means",
      {
        notes: [assigned],
        set: {
          ...ill("degraded"),
          targets: [target, { ...west, ailing: "RunnersRefused: quota" }],
        },
      },
    ],
    [
      "started",
      "started after 5.0 s on linux-abc-1, running for 5.0 s",
      { notes: [seen, started] },
    ],
    [
      "started",
      "no scale set of ours has told of it",
      { notes: [seen, note("started", 3, "webhook", { runnerName: "theirs" })] },
    ],
    ["completed", "succeeded after 60 s on linux-abc-1", { notes: [seen, started, done] }],
    [
      "completed",
      "completed with cancelled before a runner had it",
      { notes: [seen, note("completed", 4, "webhook", { detail: "cancelled" })] },
    ],
    ["completed", "on linux-abc-1", { notes: [started, { ...done, at: 0 }] }],
    [
      "held-up",
      "not served any more",
      { notes: [note("assigned", 1, "poller", { scaleSetKey: "x" })] },
    ],
  ])("is %s: %s", (state, words, given) => {
    const answer = explain(given);
    expect(answer).toEqual({ state, words: expect.stringContaining(words) });
    expect(answer.words).not.toMatch(/undefined|NaN|\n/);
  });

  it.each([
    "unserved",
    "no-session",
    "no-credential",
    "credential-refused",
    "foreign",
    "draining",
    "degraded",
  ])("is what is wrong with the scale set, when that is %s", (word) => {
    const words = expect.stringContaining(`linux is ${word}: what ${word} means`);
    for (const notes of [[seen], [announced], [seen, assigned]])
      expect(explain({ notes, set: ill(word) })).toEqual({ state: "held-up", words });
    // A job that has begun needs nobody any more.
    expect(explain({ notes: [assigned, started], set: ill(word) }).state).toBe("started");
  });

  it("is nothing that is wrong with one of two sets which could take it", () => {
    const other = "github.com/acme:8";
    const notes = [seen, { ...seen, scaleSetKey: other }];
    const sets = new Map([
      [key, { ...linux, ...ill("no-session") }],
      [other, { ...linux, name: "linux-2" }],
    ]);
    expect(explainJob(notes, sets, start)).toEqual({
      state: "seen",
      words: expect.stringContaining("for linux or linux-2"),
    });
    expect(placesOf(notes)).toEqual([key, other]);
  });

  it("is asked of the set that the service has given it to, not of those it could go to", () => {
    const notes = [{ ...seen, scaleSetKey: "github.com/acme:8" }, assigned];
    expect(placesOf(notes)).toEqual([key]);
    expect(placesOf([...notes, started])).toEqual([]);
    expect(placesOf([...notes, started, done])).toEqual([]);
  });

  it("is told of the run after the last end, when the job is run again", () => {
    const first = [seen, assigned, started, done, note("completed", 65, "webhook")];
    const again = [...first, note("first-seen", 100, "webhook"), note("assigned", 101)];
    expect(explain({ notes: first, now: 200 }).state).toBe("completed");
    expect(explain({ notes: again, now: 103 })).toEqual({
      state: "starting",
      words: expect.stringContaining("assigned to linux 2.0 s ago"),
    });
    const runs = [...again, note("started", 110, "poller", { runnerName: "linux-abc-2" })];
    const cancelled = note("completed", 104, "poller", { runnerName: "", detail: "canceled" });
    expect(explain({ notes: [...again, cancelled] }).words).toBe(
      "completed with canceled before a runner had it",
    );
    expect(explain({ notes: runs, now: 111 }).words).toContain("after 10 s on linux-abc-2");
  });

  it("is never a negative time, whatever clocks say", () => {
    for (const notes of [[seen], [assigned], [started], [seen, started, { ...done, at: start }]])
      expect(explain({ notes, now: -500 }).words).not.toContain("-5");
  });
});
