// Why: whoever asks "why is my job waiting?" wants one sentence, not a list of notes. What happened to the job comes from its
// timeline, what holds it up from the health of its scale set; the first thing that must be mended is the answer.

export interface JobNote {
  what: "first-seen" | "assigned" | "started" | "completed";
  /** Wall ms; 0 is not known. */
  at: number;
  /** Who says it: webhook or poller. */
  by: string;
  scaleSetKey?: string;
  runnerName?: string;
  detail?: string;
}

export interface JobScaleSet {
  name: string;
  /** The one word of `runlet status`, with its reason. */
  health: { word: string; reason: string };
  /** The service's tally: waiting for a runner plus running. */
  assigned: number;
  targets: readonly JobTarget[];
}

export interface JobTarget {
  cluster: string;
  /** Why it could not be asked; undefined: it answered. */
  silent: string | undefined;
  /** What its reconciler says where it is not well. */
  ailing: string | undefined;
  /** It has not taken its last order. */
  owed: boolean;
  draining: boolean;
  desired: number;
  /** Undefined: not known. */
  actual: number | undefined;
  busy: number | undefined;
  maxRunners: number | undefined;
}

export interface JobAnswer {
  state:
    | "completed"
    | "started"
    /** Its runner is ordered, made or on its way to the job. */
    | "starting"
    /** Every place of its scale set is taken. */
    | "at-maximum"
    /** Something is wrong, and named. */
    | "held-up"
    /** Known to the scale set, not yet counted for it. */
    | "announced"
    /** A webhook told of it; the service has given it to nobody of ours. */
    | "seen";
  words: string;
}

/** A webhook's times are whole seconds, the poller's are not. */
const roundingMs = 1_000;
/** Longer than it takes when all is well. */
const patienceMs = 60_000;
/** Longer than an image and a node take; the reconciler speaks of a pod after this, too. */
const startMs = 300_000;

/**
 * What became of a job, or what it waits for, in one sentence. `scaleSets`: those that its notes name, by key; one that is
 * not among them is not served any more. `now`: wall ms. The words end without a full stop.
 */
export function explainJob(
  notes: readonly JobNote[],
  scaleSets: ReadonlyMap<string, JobScaleSet>,
  now: number,
): JobAnswer {
  const end = findEnd(notes);
  if (end) return describeEnd(end, notes);
  const run = lastRun(notes);
  const started = findLast(run, "started");
  if (started) return describeStart(started, run, now);
  return describeWait(findPlace(run), scaleSets, now);
}

/** The sets that a job's sentence hangs on; none for one that has begun. */
export function placesOf(notes: readonly JobNote[]): string[] {
  if (findEnd(notes)) return [];
  const run = lastRun(notes);
  return findLast(run, "started") ? [] : findPlace(run).keys;
}

interface Place {
  /** "webhook": nobody else has told of it. */
  by: string;
  /** Wall ms. */
  since: number | undefined;
  keys: string[];
  says: string;
  /** The service counts the job for the set. */
  counted: boolean;
}

/** The poller's word before the webhook's: it is the service's own. */
function findLast(notes: readonly JobNote[], what: JobNote["what"]): JobNote | undefined {
  const said = notes.filter((note) => note.what === what);
  return said.findLast(({ by }) => by === "poller") ?? said.at(-1);
}

/** Undefined when it has not ended, or is run again since. */
function findEnd(notes: readonly JobNote[]): JobNote | undefined {
  return lastRun(notes).length === 0 ? findLast(notes, "completed") : undefined;
}

/** What lies beyond the last end: run and name of a job that is run again are the same. */
function lastRun(notes: readonly JobNote[]): JobNote[] {
  const ends = notes.filter(({ what }) => what === "completed").map(({ at }) => at);
  // One end whose time is not known: nobody can say what lies beyond it.
  const last = ends.includes(0) ? Infinity : Math.max(-Infinity, ...ends);
  return notes.filter(({ what, at }) => what !== "completed" && at > last + roundingMs);
}

function findPlace(run: readonly JobNote[]): Place {
  const assigned = findLast(run, "assigned");
  const seen = run.filter(({ what }) => what === "first-seen");
  const note = assigned ?? findLast(seen, "first-seen");
  const since = note?.at || run.find(({ at }) => at > 0)?.at;
  const isPollers = note !== undefined && (assigned !== undefined || note.by === "poller");
  const keys = (isPollers ? [note] : seen).flatMap(({ scaleSetKey }) => scaleSetKey ?? []);
  return {
    by: isPollers ? "poller" : "webhook",
    since,
    keys: [...new Set(keys)],
    says: assigned ? "assigned to" : isPollers ? "announced to" : "seen by a webhook for",
    counted: assigned !== undefined,
  };
}

function describeWait(
  place: Place,
  scaleSets: ReadonlyMap<string, JobScaleSet>,
  now: number,
): JobAnswer {
  const { keys, says, counted, since } = place;
  const waitedMs = now - (since ?? now);
  const when = since === undefined ? "at an unknown time" : `${inWords(waitedMs)} ago`;
  const found = keys.flatMap((key) => scaleSets.get(key) ?? []);
  if (keys.length > 0 && found.length === 0) {
    const words = `${says} ${keys.join(", ")} ${when}, which is not served any more: its AutoscalingRunnerSet was removed or renamed`;
    return { state: "held-up", words };
  }
  const names = found.map(({ name }) => name).join(" or ");
  const intro = names === "" ? `seen by a webhook ${when}` : `${says} ${names} ${when}`;
  // One that can take the job is enough.
  const verdicts = found.map((set) => judge(set, counted));
  const verdict = verdicts.includes(undefined) ? undefined : verdicts[0];
  if (verdict) return { state: verdict.state, words: `${intro}; ${verdict.words}` };
  const [set] = found;
  if (!counted || !set) return describeUnassigned(intro, place, waitedMs);
  const words = [intro, describeStarting(set, waitedMs), besides(set)].filter((part) => part);
  return { state: "starting", words: words.join("; ") };
}

function describeEnd(end: JobNote, notes: readonly JobNote[]): JobAnswer {
  const before = notes.filter(({ at, by }) => by === end.by && at <= end.at);
  // A start before the end before this one was another run's.
  const begun = before.findLastIndex(({ what, at }) => what === "completed" && at < end.at);
  const started = findLast(before.slice(begun + 1), "started");
  const runner = end.runnerName || started?.runnerName;
  const how = end.detail === undefined ? "completed" : `completed with ${end.detail}`;
  // Where a job was cancelled in the queue, GitHub's times of its start mean nothing.
  if (!runner) return { state: "completed", words: `${how} before a runner had it` };
  const took = started ? ` after ${inWords(end.at - started.at)}` : "";
  return { state: "completed", words: `${how}${took} on ${runner}` };
}

function describeStart(started: JobNote, run: readonly JobNote[], now: number): JobAnswer {
  const runner = started.runnerName || "a runner";
  const first = run.find(({ at }) => at > 0);
  const waited = first && first !== started ? ` after ${inWords(started.at - first.at)}` : "";
  const words = `started${waited} on ${runner}, running for ${inWords(now - started.at)}`;
  if (started.by === "poller") return { state: "started", words };
  const since = "that is a webhook's word; no scale set of ours has told of it";
  return { state: "started", words: `${words} (${since})` };
}

interface Verdict {
  state: JobAnswer["state"];
  words: string;
}

/** What keeps a set from giving this job a runner; undefined: nothing. */
function judge(set: JobScaleSet, counted: boolean): Verdict | undefined {
  const { word, reason } = set.health;
  const heldUp: Verdict = { state: "held-up", words: `${set.name} is ${word}: ${reason}` };
  if (!["served", "scaling", "resting", "degraded"].includes(word)) return heldUp;
  const full = findFull(set, counted);
  if (full !== undefined) {
    const words = [full, besides(set)].filter((part) => part);
    return { state: "at-maximum", words: words.join("; ") };
  }
  // What is wrong with one cluster holds nothing up where another can take the job.
  const isPartly = set.targets.some(isWell) && !set.targets.every(isWell);
  return word === "degraded" && !isPartly ? heldUp : undefined;
}

function besides({ health }: JobScaleSet): string {
  return health.word === "degraded" ? `besides: ${health.reason}` : "";
}

function isWell({ silent, ailing, owed, draining }: JobTarget): boolean {
  return silent === undefined && ailing === undefined && !owed && !draining;
}

/** The service may keep to itself what goes beyond our capacity, so a job that is not counted finds no place sooner. */
function findFull(set: JobScaleSet, counted: boolean): string | undefined {
  const open = set.targets.filter(isWell);
  if (open.length === 0 || open.some(({ maxRunners }) => maxRunners === undefined))
    return undefined;
  const max = sum(open.map(({ maxRunners = 0 }) => maxRunners));
  if (set.assigned + (counted ? 0 : 1) <= max) return undefined;
  return `${set.name} has ${plural(set.assigned, "job")} and its maxRunners allow ${plural(max, "runner")}: it waits for one of them to end; raise maxRunners, or give it another cluster`;
}

function describeStarting({ health, targets }: JobScaleSet, waitedMs: number): string {
  if (health.word === "resting") return `its shard rests and is about to wake: ${health.reason}`;
  const well = targets.filter(isWell);
  const behind = well.find(({ actual, desired }) => actual === undefined || actual < desired);
  if (behind) {
    const { cluster, actual = "an unknown number", desired } = behind;
    return `its runner is being made: cluster ${cluster} has ${actual} of ${desired}`;
  }
  const actual = sum(well.map((target) => target.actual ?? 0));
  const busy = sum(well.map((target) => target.busy ?? 0));
  const there = `${plural(actual, "runner")}, ${busy} with a job`;
  if (actual <= busy) return `its runner is ordered with the next message (${there})`;
  const long =
    "; that is long: look at the pods of its EphemeralRunners, at the runner group's access to the repository, and at githubstatus.com";
  return `its runner is starting (${there})${waitedMs < startMs ? "" : long}`;
}

function describeUnassigned(intro: string, { by, keys }: Place, waitedMs: number): JobAnswer {
  const isNew = waitedMs < patienceMs;
  if (by === "poller") {
    const why = isNew
      ? "it is acquired in a moment"
      : "it was not acquired: another scale set may have it, or the log's acquire_failed says why";
    return { state: "announced", words: `${intro}; ${why}` };
  }
  if (keys.length === 0) {
    const words = `${intro}; no scale set of ours has been told of it: compare runs-on with the labels of the sets`;
    return { state: "seen", words };
  }
  const why = isNew
    ? "GitHub has not assigned it yet, which takes seconds"
    : "GitHub has not assigned it: look whether the runner group admits this repository, whether an approval or a concurrency group holds the job, whether a runner elsewhere has its labels, and at githubstatus.com";
  return { state: "seen", words: `${intro}; ${why}` };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

function plural(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** Clocks differ: what would be negative is nothing. */
function inWords(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`;
}
