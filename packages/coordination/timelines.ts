// Why: "why is my job waiting?" needs one place where everybody who saw the job left a note. Notes are
// for people: they never hold a job up, and the oldest go.
import type { Log } from "@runlet/runtime/log";
import * as z from "zod/mini";
import { keys } from "./keys.ts";
import { getSettled, listSettled, putSettled, type SettleDeps } from "./put-settled.ts";
import { TableBusy, type Condition, type JsonObject, type Row } from "./table.ts";

export type TimelineWhat = "first-seen" | "assigned" | "started" | "completed";

export interface TimelineNote {
  what: TimelineWhat;
  /** Wall ms at which it happened, as whoever says it knows. */
  at: number;
  /** Who says it: webhook, poller, sweep. */
  by: string;
  scaleSetKey?: string;
  runnerName?: string;
  /** A few words more, e.g. the result of the job. */
  detail?: string;
}

/** How a job is found: webhooks and messages both know the run and the job's name. */
export interface TimelineJob {
  scopeKey: string;
  /** Public workflow run id, as decimal digits. */
  runId: string;
  /** The job's name in the run. */
  jobName: string;
}

export interface Timeline extends TimelineJob {
  /** In order of `at`. */
  notes: TimelineNote[];
}

export interface Timelines {
  /** Adds notes as mergeNotes does. Never rejects. */
  note(job: TimelineJob, notes: TimelineNote[]): Promise<void>;
  /** The jobs of one workflow run, by name. */
  list(scopeKey: string, runId: string): Promise<Timeline[]>;
}

/** Counted from the last note of a job. */
export const timelineKeptMs = 7 * 24 * 3_600_000;
const notesMax = 40;
const detailMax = 200;

const optionalText = z.exactOptional(z.string());
const timelineRow = z.object({
  jobName: z.string(),
  notes: z.array(
    z.object({
      what: z.enum(["first-seen", "assigned", "started", "completed"]),
      at: z.number(),
      by: z.string(),
      scaleSetKey: optionalText,
      runnerName: optionalText,
      detail: optionalText,
    }),
  ),
});

export function createTimelines(deps: SettleDeps & { log: Log }): Timelines {
  async function add(job: TimelineJob, notes: TimelineNote[]) {
    const key = `${keys.timelines(job.scopeKey, job.runId)}${toSegment(job.jobName)}`;
    for (let turn = 0; turn < 5; turn++) {
      const row = await getSettled(deps, key);
      const kept = row ? (parse(row)?.notes ?? []) : [];
      const all = mergeNotes(kept, notes);
      if (all.length === kept.length && all.every((one) => kept.includes(one))) return;
      // `as`: notes are strings and numbers; through JSON, an undefined field is an absent one.
      const value = JSON.parse(JSON.stringify({ jobName: job.jobName, notes: all })) as JsonObject;
      const expiresAt = deps.clock.wallMs() + timelineKeptMs;
      const when: Condition = row ? { version: row.version } : { absent: true };
      const next = { key, version: deps.random.uuid(), value, expiresAt };
      if ((await putSettled(deps, next, when)).kind === "put") return;
    }
    throw new TableBusy(`the timeline ${key} was written by others five times in a row`);
  }
  return {
    async note(job, notes) {
      try {
        await add(job, notes);
      } catch (error) {
        deps.log.debug("timeline_not_noted", { runId: job.runId, error });
      }
    },
    async list(scopeKey, runId) {
      const rows = await listSettled(deps, keys.timelines(scopeKey, runId));
      return rows.flatMap((row) => {
        const parsed = parse(row);
        return parsed ? [{ scopeKey, runId, ...parsed }] : [];
      });
    },
  };
}

/**
 * First of each (what, by, scale set) wins: a replayed message must not move what it said before. A job that is run
 * again keeps run and name, so what lies beyond a completion is told anew. `completed` is taken first, since the others
 * are counted by it. Of too many the oldest go: people ask about the present.
 */
export function mergeNotes(kept: TimelineNote[], added: TimelineNote[]): TimelineNote[] {
  const all = [...kept];
  const isEnd = ({ what }: TimelineNote) => what === "completed";
  const ends = added.filter(isEnd).toSorted((a, b) => a.at - b.at);
  for (const note of [...ends, ...added.filter((one) => !isEnd(one))]) {
    if (all.some((other) => saysSame(all, note, other))) continue;
    const detail = note.detail?.slice(0, detailMax);
    all.push(detail === undefined ? note : { ...note, detail });
  }
  const newest = new Set(all.toSorted(byAge).slice(-notesMax));
  return all.filter((note) => newest.has(note)).sort((a, b) => a.at - b.at);
}

/** One order whoever merges what with what, so that a replay drops the same notes again. */
function byAge(a: TimelineNote, b: TimelineNote): number {
  return a.at - b.at || (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
}

function saysSame(all: TimelineNote[], one: TimelineNote, other: TimelineNote): boolean {
  return (
    one.what === other.what &&
    one.by === other.by &&
    one.scaleSetKey === other.scaleSetKey &&
    countEnds(all, one) === countEnds(all, other)
  );
}

/** How often whoever says it had seen the job end before. A time of 0 is not known. */
function countEnds(all: TimelineNote[], { by, at }: TimelineNote): number {
  return all.filter((end) => end.what === "completed" && end.by === by && end.at > 0 && end.at < at)
    .length;
}

/** A timeline that cannot be read is begun anew: nothing depends on it. */
function parse(row: Row): z.infer<typeof timelineRow> | undefined {
  return timelineRow.safeParse(row.value).data;
}

function toSegment(name: string): string {
  return encodeURIComponent(name).slice(0, 300) || "-";
}
