// Why: what a test, the demo or a person does to the world from outside: queue jobs, end them, look
// at everything, and break things. `/_control/` is the same over HTTP.
import { cancelJob, finishJob } from "../job-ledger/end-jobs.ts";
import { endedJobs, type Job, type Runner, type ScaleSetLedger } from "../job-ledger/ledger.ts";
import { queueJob } from "../job-ledger/queue-jobs.ts";
import { describeLedger, type LedgerReport } from "./describe-ledger.ts";
import type { Fault } from "./faults.ts";
import type { Knobs } from "./knobs.ts";
import { patchKnobs } from "./knobs.ts";
import type { RequestRecord } from "./requests.ts";
import type { SimulatedScaleSet } from "./scale-sets.ts";
import type { SimulatedSession } from "./sessions.ts";
import type { Simulation } from "./simulation.ts";

export interface JobsOrder {
  /** A scale set's name: the jobs target it by this label. */
  scaleSet?: string;
  /** Or the labels themselves. */
  labels?: string[];
  /** `owner/name`, or only the name in `owner`. */
  repository?: string;
  /** Default: the owner of the one scope that has a scale set of the name. */
  owner?: string;
  /** The enterprise whose scale sets may run the jobs too. */
  enterprise?: string;
  count?: number;
  durationMs?: number;
  result?: string;
  displayName?: string;
}

export interface Control {
  /** Queues `count` jobs (one workflow run). Throws TypeError if the order cannot be understood. */
  queueJobs(order: JobsOrder): Job[];
  /**
   * Ends a running job as `result` (default: as it was ordered); undefined if it is not running.
   */
  finishJob(key: string, result?: string): Job | undefined;
  /** Undefined if it has ended or never was. */
  cancelJob(key: string): Job | undefined;
  findJob(key: string): Job | undefined;
  ledger(): LedgerReport;
  scaleSets(): SimulatedScaleSet[];
  /** A scale set by key or name, with what it has to tell. */
  findScaleSet(keyOrName: string): SimulatedScaleSet | undefined;
  messages(keyOrName: string): ScaleSetLedger | undefined;
  deleteScaleSet(keyOrName: string): boolean;
  sessions(): Omit<SimulatedSession, "queueToken">[];
  /** The session is gone at once, as after an incident of the service. */
  evictSession(keyOrName: string): boolean;
  /** A foreign listener takes the session, and never polls. */
  takeSession(keyOrName: string, ownerName: string): boolean;
  runners(): Runner[];
  requests(): readonly RequestRecord[];
  knobs(): Knobs;
  /** Throws TypeError for a knob that is not there or a value that it cannot have. */
  setKnobs(patch: Partial<Knobs>): void;
  addFault(fault: Fault): void;
  clearFaults(): void;
  expireAdminTokens(): void;
  expireQueueTokens(): void;
}

export function createControl(simulation: Simulation): Control {
  const { clock, desk, sessions, tokens, faults, scaleSets } = simulation;
  const order = createJobOrders(simulation);
  const find = (keyOrName: string) =>
    scaleSets.list().find((set) => set.key === keyOrName || set.name === keyOrName);
  const current = (keyOrName: string) => sessions.current(find(keyOrName)?.key ?? "");
  const findJob = (key: string) =>
    desk.ledger().open.get(key) ?? endedJobs(desk.ledger()).find((job) => job.key === key);

  return {
    queueJobs: (wanted) =>
      order(wanted).map((job) =>
        desk.commit(queueJob(desk.ledger(), desk.rules(), job, clock.nowMs())),
      ),
    finishJob(key, result) {
      const job = desk.ledger().open.get(key);
      if (!job) return undefined;
      return desk.commit(finishJob(desk.ledger(), key, result ?? job.result, clock.nowMs()));
    },
    cancelJob: (key) => desk.commit(cancelJob(desk.ledger(), key, clock.nowMs())),
    findJob,
    ledger: () => describeLedger(simulation),
    scaleSets: () => scaleSets.list(),
    findScaleSet: find,
    messages: (keyOrName) => desk.ledger().scaleSets.get(find(keyOrName)?.key ?? ""),
    deleteScaleSet(keyOrName) {
      const set = find(keyOrName);
      const session = current(keyOrName);
      if (session) sessions.end(session, "session-evicted");
      if (set) scaleSets.remove(set);
      return set !== undefined;
    },
    sessions: () => sessions.list().map(({ queueToken: _secret, ...session }) => session),
    evictSession(keyOrName) {
      const session = current(keyOrName);
      if (session) sessions.end(session, "session-evicted");
      return session !== undefined;
    },
    takeSession(keyOrName, ownerName) {
      const set = find(keyOrName);
      return set !== undefined && sessions.open(set.key, ownerName) !== "conflict";
    },
    runners: () => [...desk.ledger().runners.values()],
    requests: () => simulation.requests.list(),
    knobs: () => simulation.knobs(),
    setKnobs: (patch) => simulation.setKnobs(patchKnobs(simulation.knobs(), patch)),
    addFault: (fault) => faults.add(fault),
    clearFaults: () => faults.clear(),
    expireAdminTokens: () => tokens.expireAll("admin"),
    expireQueueTokens: () => tokens.expireAll("queue"),
  };
}

/** Turns an order into jobs of one workflow run, with ids of their own. */
function createJobOrders({ scaleSets, knobs, random }: Simulation) {
  let runsCount = 0;
  let jobsCount = 0;
  return (order: JobsOrder) => {
    const labels = order.labels ?? (order.scaleSet === undefined ? [] : [order.scaleSet]);
    const count = order.count ?? 1;
    if (labels.length === 0) throw new TypeError("jobs need a scaleSet or labels");
    if (!Number.isInteger(count) || count < 1 || count > 10_000) {
      throw new TypeError("count must be a whole number from 1 to 10000");
    }
    const [owner, repository] = ownerAndRepository(order, scaleSets.list());
    const workflowRunId = 30_225_287_326n + BigInt((runsCount += 1));
    return Array.from({ length: count }, () => {
      jobsCount += 1;
      return {
        owner,
        repository,
        enterprise: order.enterprise,
        labels,
        jobId: knobs().jobIds === "uuid" ? random.uuid() : String(5_100 + jobsCount),
        displayName: order.displayName ?? `build (${jobsCount})`,
        workflowRef: `${owner}/${repository}/.github/workflows/ci.yml@refs/heads/main`,
        workflowRunId,
        eventName: "push",
        durationMs: order.durationMs ?? 1_000,
        result: order.result ?? "succeeded",
      };
    });
  };
}

function ownerAndRepository(order: JobsOrder, sets: SimulatedScaleSet[]): [string, string] {
  const [first = "", second] = (order.repository ?? "repo").split("/");
  if (second !== undefined) return [first, second];
  if (order.owner !== undefined) return [order.owner, first];
  const scopes = new Set(sets.filter((set) => set.name === order.scaleSet).map((set) => set.scope));
  const [scope, other] = [...scopes];
  if (scope === undefined || other !== undefined || scope.startsWith("enterprises/")) {
    throw new TypeError("say whose jobs: repository OWNER/NAME or owner");
  }
  const [owner = "", repository = first] = scope.split("/");
  return [owner, repository];
}
