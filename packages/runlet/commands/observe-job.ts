// Why: what a workflow run waits for stands in three places: its timelines, the registry, and the state of the scale sets that
// they name. This reads them once, and of the sets only those that somebody waits for.
import { parseConfigUrl } from "@runlet/actions-service/config-url";
import type { ScaleSetRow } from "@runlet/coordination/registry";
import {
  createTimelines,
  timelineKeptMs,
  type Timeline,
  type TimelineNote,
} from "@runlet/coordination/timelines";
import { explainJob, placesOf, type JobAnswer, type JobScaleSet } from "@runlet/domain/explain-job";
import { createSlots } from "@runlet/runtime/slots";
import { observeScaleSets, type StatusPlace } from "./observe-status.ts";
import type { Place } from "./place.ts";
import { toPlain } from "./to-plain.ts";

export interface JobStatus {
  name: string;
  scope: string;
  answer: JobAnswer;
  /** In order of time; `scaleSet`: the name of the one that a note's key is registered for. */
  notes: (TimelineNote & { scaleSet?: string })[];
}

export interface RunStatus {
  place: string;
  runId: string;
  jobs: JobStatus[];
}

export type JobPlace = StatusPlace & Pick<Place, "log" | "givenScopes">;

export interface WantedRun {
  /** Decimal digits. */
  runId: string;
  /** All or a part of its name; undefined: every job. */
  jobName: string | undefined;
  /** undefined: every scope that has a scale set or a credential by flag. */
  scopeKey: string | undefined;
}

/** Calls to the table at one time. */
const readsMax = 16;
/** So many names say enough. */
const namesMax = 20;
const daysKept = timelineKeptMs / 86_400_000;

/** Throws when nothing is noted of the run, or no job of it has that name; says what was looked at. */
export async function observeRun(place: JobPlace, wanted: WantedRun): Promise<RunStatus> {
  const registry = await place.registry();
  const rows = (await registry.listScaleSets()).map(({ row }) => row);
  const scopes = wanted.scopeKey === undefined ? listScopes(rows, place) : [wanted.scopeKey];
  const all = await listTimelines(place, scopes, wanted.runId);
  if (all.length === 0) throw new Error(describeUnknownRun(place, wanted.runId, scopes, rows));
  const timelines = choose(all, wanted.jobName);
  if (timelines.length === 0) {
    const names = listNames(all.map(({ jobName }) => jobName));
    throw new Error(`run ${wanted.runId} has no job ${wanted.jobName}; it has ${names}`);
  }
  const waitedFor = new Set(timelines.flatMap(({ notes }) => placesOf(notes)));
  const sets = await observeScaleSets(
    place,
    rows.filter(({ key }) => waitedFor.has(key)),
  );
  const byKey = new Map<string, JobScaleSet>(sets.map((set) => [set.key, set]));
  const nameOf = new Map(rows.map(({ key, name }) => [key, name]));
  const now = place.clock.wallMs();
  return {
    place: place.label,
    runId: wanted.runId,
    jobs: timelines.map(({ jobName: name, scopeKey: scope, notes }) => ({
      name,
      scope,
      answer: explainJob(notes, byKey, now),
      notes: notes.map((note) => nameSet(note, nameOf)),
    })),
  };
}

function listScopes(rows: readonly ScaleSetRow[], { givenScopes }: Pick<Place, "givenScopes">) {
  const given = givenScopes.map((url) => parseConfigUrl(url).scopeKey);
  return [...new Set([...rows.map(({ scopeKey }) => scopeKey), ...given])].toSorted();
}

async function listTimelines(
  place: JobPlace,
  scopes: readonly string[],
  runId: string,
): Promise<Timeline[]> {
  const timelines = createTimelines({ ...place, table: await place.table() });
  const slots = createSlots(readsMax);
  const found = await Promise.all(
    scopes.map(async (scopeKey) => {
      const leave = await slots.take();
      return timelines.list(scopeKey, runId).finally(leave);
    }),
  );
  return found.flat();
}

/** The one of that name, or else those that have it in theirs: a matrix has many. */
function choose(timelines: readonly Timeline[], wanted: string | undefined): readonly Timeline[] {
  if (wanted === undefined) return timelines;
  const exact = timelines.filter(({ jobName }) => jobName === wanted);
  if (exact.length > 0) return exact;
  const part = wanted.toLowerCase();
  return timelines.filter(({ jobName }) => jobName.toLowerCase().includes(part));
}

function nameSet(note: TimelineNote, names: ReadonlyMap<string, string>) {
  const scaleSet = note.scaleSetKey === undefined ? undefined : names.get(note.scaleSetKey);
  return scaleSet === undefined ? note : { ...note, scaleSet };
}

function describeUnknownRun(
  { label }: StatusPlace,
  runId: string,
  scopes: readonly string[],
  rows: readonly ScaleSetRow[],
): string {
  if (scopes.length === 0)
    return `nothing is noted of run ${runId}: no scale set is known in ${label}`;
  const sets = rows.filter(({ scopeKey }) => scopes.includes(scopeKey));
  const offers = sets.map(({ name, labels }) => `${name} [${listNames(labels)}]`);
  const where = `nothing is noted of run ${runId} in ${label} for ${listNames(scopes)}: notes are kept for ${daysKept} days`;
  if (sets.length === 0) return `${where}, and no scale set is registered there`;
  return `${where}, and of those jobs alone whose labels a scale set has: compare runs-on with ${listNames(offers)}; if they fit, neither a webhook nor a message has told of it yet`;
}

function listNames(names: readonly string[]): string {
  const more = names.length > namesMax ? ` and ${names.length - namesMax} more` : "";
  return `${names.slice(0, namesMax).map(toPlain).join(", ")}${more}`;
}
