// Why: this is all of GitHub's Actions Service that Runlet uses, in its own words. client.ts speaks it over
// the wire; callers see only these types. Expected failures are values with a reason, not exceptions;
// what a method throws is the reason of an aborted signal, or a bug.
import type { Statistics } from "@runlet/domain/statistics";

/** Why a call did not do what it should; the closed list behind every outcome table. */
export type FailureReason =
  /** 401/403 with the admin token, after one refresh. */
  | "unauthorized"
  /** 401 with the queue token: refresh the session. */
  | "queue-token-expired"
  /** Session create: 409, somebody holds the session. */
  | "session-conflict"
  /** Session refresh or poll: the session is unknown to the service. */
  | "session-gone"
  /** 404 by id, or RunnerScaleSetNotFoundException. */
  | "scale-set-gone"
  /** The scale set's name is taken in its runner group. */
  | "scale-set-exists"
  /** generatejitconfig: 409 AgentExistsException. */
  | "runner-exists"
  /** acquirejobs is not routed: an auto-assign host. */
  | "route-absent"
  | "rate-limited"
  | "server-error"
  /** The time limit passed without an answer. */
  | "timed-out"
  /** No connection, or it broke. */
  | "unreachable"
  /** A success whose body cannot be used (empty URL or token, bad JSON, no exp in a JWT). */
  | "unreadable"
  /** Any other status: the request was refused. */
  | "refused";

export interface Failure {
  reason: FailureReason;
  /** What was attempted, on what, and the service's own words; redacted. */
  message: string;
  status?: number;
  typeName?: string;
  activityId?: string;
  requestId?: string;
  /** From Retry-After, capped (5 minutes). */
  retryAfterMs?: number;
}

export type Outcome<T> = { ok: true; value: T } | { ok: false; failure: Failure };

/** The number the service gave a job request, as its decimal digits: an int64 that JSON.parse would round. */
export type RequestId = string;

export interface RunnerGroup {
  id: number;
  name: string;
  isDefault: boolean;
}

export interface ScaleSet {
  id: number;
  name: string;
  runnerGroupId: number;
  runnerGroupName: string;
  labels: string[];
  statistics: Statistics | undefined;
}

export interface MessageSession {
  sessionId: string;
  ownerName: string;
  scaleSetId: number;
  queueUrl: string;
  queueToken: string;
  statistics: Statistics | undefined;
}

interface JobFacts {
  requestId: RequestId;
  /** A UUID, or decimal digits; "" where an old server leaves it out. */
  jobId: string;
  ownerName: string;
  repositoryName: string;
  workflowRef: string;
  workflowRunId: string;
  displayName: string;
  eventName: string;
  requestLabels: string[];
  /** Milliseconds since 1970; undefined where the service has not set it (absent, null, "", year 1). */
  queuedAt: number | undefined;
  assignedAt: number | undefined;
  runnerAssignedAt: number | undefined;
  finishedAt: number | undefined;
}

export type JobNews =
  | (JobFacts & { type: "JobAvailable" })
  | (JobFacts & { type: "JobAssigned" })
  | (JobFacts & { type: "JobStarted"; runnerId: number; runnerName: string })
  | (JobFacts & { type: "JobCompleted"; runnerId: number; runnerName: string; result: string });

export interface Message {
  messageId: number;
  /** Undefined when the service left it out: the message's news still count. */
  statistics: Statistics | undefined;
  news: JobNews[];
  /** How many entries could not be read or have an unknown type (they are logged, never fatal). */
  skippedCount: number;
}

export interface RunnerReference {
  id: number;
  name: string;
  scaleSetId: number;
  /** Whether it is connected; undefined where the service does not say. */
  online?: boolean;
}

export interface JitConfig {
  runner: RunnerReference;
  /** A secret: what a runner needs to register once. */
  encoded: string;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** Time limit of the whole call, retries included. Default: the client's. */
  limitMs?: number;
}

/** The Actions Service for one config scope (an enterprise, organisation or repository). */
export interface ActionsService {
  findRunnerGroup(name: string, options?: CallOptions): Promise<Outcome<RunnerGroup | undefined>>;
  /** All of the scope, whoever serves them (garm's scale-set client lists them so). */
  listScaleSets(options?: CallOptions): Promise<Outcome<ScaleSet[]>>;
  findScaleSet(
    by: { name: string; runnerGroupId: number },
    options?: CallOptions,
  ): Promise<Outcome<ScaleSet | undefined>>;
  findScaleSetById(id: number, options?: CallOptions): Promise<Outcome<ScaleSet | undefined>>;
  createScaleSet(
    set: { name: string; runnerGroupId: number; labels: string[] },
    options?: CallOptions,
  ): Promise<Outcome<ScaleSet>>;
  updateScaleSet(
    id: number,
    change: { name?: string; runnerGroupId?: number },
    options?: CallOptions,
  ): Promise<Outcome<ScaleSet>>;
  deleteScaleSet(id: number, options?: CallOptions): Promise<Outcome<"deleted" | "absent">>;

  createSession(
    scaleSetId: number,
    ownerName: string,
    options?: CallOptions,
  ): Promise<Outcome<MessageSession>>;
  refreshSession(
    scaleSetId: number,
    sessionId: string,
    options?: CallOptions,
  ): Promise<Outcome<MessageSession>>;
  deleteSession(
    scaleSetId: number,
    sessionId: string,
    options?: CallOptions,
  ): Promise<Outcome<"deleted" | "absent">>;

  /** One long poll, never retried here. `lastMessageId` 0 = from the start. Value undefined: no message. */
  poll(
    queue: { queueUrl: string; queueToken: string },
    at: { lastMessageId: number; maxCapacity: number },
    options?: CallOptions,
  ): Promise<Outcome<Message | undefined>>;
  acknowledge(
    queue: { queueUrl: string; queueToken: string },
    messageId: number,
    options?: CallOptions,
  ): Promise<Outcome<"deleted" | "absent">>;
  /** Resolves to the ids really acquired; fewer than asked is normal. */
  acquireJobs(
    scaleSetId: number,
    queueToken: string,
    requestIds: RequestId[],
    options?: CallOptions,
  ): Promise<Outcome<RequestId[]>>;
  listAcquirableJobs(scaleSetId: number, options?: CallOptions): Promise<Outcome<RequestId[]>>;

  generateJitConfig(
    scaleSetId: number,
    runner: { name: string; workFolder: string },
    options?: CallOptions,
  ): Promise<Outcome<JitConfig>>;
  findRunnerByName(
    name: string,
    options?: CallOptions,
  ): Promise<Outcome<RunnerReference | undefined>>;
  findRunner(id: number, options?: CallOptions): Promise<Outcome<RunnerReference | undefined>>;
  /** "busy": the service refused because a job is running; keep the runner. */
  removeRunner(id: number, options?: CallOptions): Promise<Outcome<"removed" | "busy" | "absent">>;
}

/** A PAT, or a GitHub App's installation. */
export type GitHubCredential =
  | { kind: "pat"; token: string }
  | { kind: "app"; appId: string; installationId: number; privateKey: string };

/** What a registration token buys: the service's address and the admin token for everything under it. */
export interface AdminConnection {
  serviceUrl: string;
  adminToken: string;
  /** Milliseconds since 1970, from the token's `exp`. */
  expiresAt: number;
}

/** Where invocations share an admin connection (encrypted at rest by the implementer). */
export interface AdminConnectionStore {
  load(scopeKey: string): Promise<AdminConnection | undefined>;
  save(scopeKey: string, connection: AdminConnection): Promise<void>;
}
