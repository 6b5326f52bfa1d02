// Why: the pair (replicas, patchID) is ARC's contract between whoever counts jobs and whoever makes runners
// (ARC 0.14.2, controllers/actions.github.com/ephemeralrunnerset_controller.go). A numbered order may create and
// never deletes, because an idle runner may be about to take a job; number 0 means "converge", and only idle
// runners go. An order is carried out once: ARC compares with the highest number of a living child and so
// makes spare runners when that child ends (#4642); we compare with the number that was acted on.

export interface RunnerView {
  key: string;
  state: "pending" | "running" | "finished" | "failed" | "outdated" | "deleting";
  hasJob: boolean;
  /** Registered: the service can be asked to let it go. */
  registered: boolean;
  /** The service called it busy a moment ago. */
  askedInVain: boolean;
  createdAtMs: number;
  /** Made from an older template. */
  stale: boolean;
}

export interface ScaleObservation {
  replicas: number;
  patchId: number;
  /** The number last acted on; undefined: none that we know. */
  actedPatchId: number | undefined;
  /** The number changed since the last acting pass, though it may be the same again now. */
  hasNewOrder: boolean;
  /** Set stopped: a runner of this template was refused by GitHub as outdated. */
  outdated: boolean;
  /** No runner is made until the last one has gone (update strategy "eventual"). */
  draining: boolean;
  /** How many may be created now (breaker). */
  creatable: number;
  runners: readonly RunnerView[];
}

export interface ScalePlan {
  /** The order is new, or says "converge". */
  acts: boolean;
  create: number;
  /** Wanted, but the breaker, the draining or a version that GitHub refuses holds them back. */
  withheld: number;
  /** Take so many of `idle`, in this order, if the service lets them go. */
  removeCount: number;
  idle: RunnerView[];
  /** Idle runners of an old template: each makes way, if the service lets it go. */
  recycle: RunnerView[];
  /** Not even registered, and of an old template: they make way without a question. */
  replaceAtOnce: RunnerView[];
  /** A new runner is made for each that made way. */
  replaces: boolean;
  /** Nothing more will come of them. */
  removeAtOnce: RunnerView[];
}

export function planScale(seen: ScaleObservation): ScalePlan {
  const living = seen.runners.filter((one) => one.state === "pending" || one.state === "running");
  const total = living.length + seen.runners.filter((one) => holdsRoom(one)).length;
  const acts = !seen.outdated && isNewOrder(seen);
  // A runner of a version that GitHub refuses will not take a job either (exit code 7).
  const isEmptied = seen.draining || seen.outdated;
  // What is not made is told, or a poller would order it anew at every turn and no other cluster could take it.
  const wanted = acts || isEmptied ? Math.max(0, seen.replicas - total) : 0;
  const create = isEmptied ? 0 : Math.min(wanted, seen.creatable);
  const goes = (one: RunnerView) => one.stale || isEmptied;
  const surplus = acts && seen.patchId === 0 ? Math.max(0, total - seen.replicas) : 0;
  const idle = idleOrder(living);
  return {
    acts,
    create,
    withheld: wanted - create,
    removeCount: isEmptied ? 0 : surplus,
    idle: surplus > 0 && !isEmptied ? idle : [],
    recycle: surplus > 0 && !isEmptied ? [] : idle.filter(goes),
    replaces: !isEmptied,
    replaceAtOnce: living.filter(
      (one) => goes(one) && one.state === "pending" && !one.registered && !one.hasJob,
    ),
    removeAtOnce: seen.runners.filter(
      (one) => one.state === "finished" || (isRefused(one) && one.stale),
    ),
  };
}

function isNewOrder(seen: ScaleObservation): boolean {
  return seen.patchId === 0 || seen.hasNewOrder || seen.patchId !== seen.actedPatchId;
}

/** Pending before running, older before younger; never one with a job, unregistered or just asked. */
export function idleOrder(runners: readonly RunnerView[]): RunnerView[] {
  const may = runners.filter((one) => one.registered && !one.hasJob && !one.askedInVain);
  const rank = (one: RunnerView) => (one.state === "pending" ? 0 : 1);
  return may.toSorted((a, b) => rank(a) - rank(b) || a.createdAtMs - b.createdAtMs);
}

/** Nothing comes of it any more, and it is shown; another template may be the cure, so it makes way for that at once. */
function isRefused({ state }: RunnerView): boolean {
  return state === "failed" || state === "outdated";
}

/** A failed runner holds its place while it is shown, or a set whose runners fail would make ever more. */
function holdsRoom(one: RunnerView): boolean {
  return one.state === "failed" && !one.stale;
}
