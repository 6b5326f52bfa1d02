// Why: much about GitHub's service is not known or differs between hosts and years. What is open is
// a knob with a default, so that a test can show the product right on both sides of it.

/**
 * `acquire`: GitHub Enterprise Server and older hosts; `auto-assign`: github.com since about 2025.
 */
export type Mode = "acquire" | "auto-assign";

export interface Knobs {
  /** How long a poll without a message is held; the service holds about 50 s. */
  holdMs: number;
  /** A session nobody uses is given up after this; measured at about 90 s. An open poll is use. */
  sessionLapseMs: number;
  /** A poll waits this long after the first change, so that more changes share its message. */
  deliveryDelayMs: number;
  /** At most so many job entries in a message. */
  entriesMax: number;
  adminTokenLifeMs: number;
  queueTokenLifeMs: number;
  /** A refreshed session's old queue token stays good for this long. */
  oldQueueTokenGraceMs: number;
  /** A second poll of a session ends the first one with 202. */
  secondPollEndsFirst: boolean;
  /** The answer to deleting a message that is not there: 404, or 204. */
  absentMessageStatus: number;
  /** The answer to creating a scale set whose name is taken in its group: 400 or 409. */
  duplicateScaleSetStatus: number;
  /** Whether a scale set with an open session may be deleted. */
  deleteWithSession: boolean;
  /** Auto-assign mode: a scale set that nobody listens to is assigned jobs all the same. */
  assignWithoutSession: boolean;
  /** Acquire mode: time from acquired to assigned. */
  assignDelayMs: number;
  /** Acquire mode: at most so many of the ids in one call are acquired. */
  acquireAtMost: number;
  /**
   * Acquire mode: an available job that nobody acquires is announced again after this; 0: never.
   */
  reannounceAfterMs: number;
  /** An assigned job that no runner starts is given up after this, doubled at each try … */
  startTimeoutMs: number;
  /** … and queued again so many times. */
  requeuesMax: number;
  /** A running job whose runner says nothing for this long has lost it. */
  jobLapseMs: number;
  /** How such a job ends. */
  lostJobResult: string;
  /** An idle runner that says nothing for this long is offline. */
  idleLapseMs: number;
  /** Registrations allowed in a rolling window, per scope. */
  registrationsMax: number;
  registrationWindowMs: number;
  /** REST calls that a token has in an hour. */
  restCallsMax: number;
  /** The PAT ends then (milliseconds since 1970); 0: never. */
  patExpiresAt: number;
  /** The App's owner has suspended it. */
  appSuspended: boolean;
  /** The App is subscribed to workflow jobs, as its installation says. */
  appHearsJobs: boolean;
  /** The groups of every scope; the first one is the default group, with id 1. */
  runnerGroups: string[];
  /** False: only the name is a label and more are dropped without a word, as before GHES 3.18. */
  customLabels: boolean;
  /** A job time that is not known yet. */
  unsetTimes: "absent" | "null" | "zero";
  /** How the key is written in answers. */
  runnerSettingKey: "runnerSetting" | "RunnerSetting";
  /** How the service's address ends. */
  serviceUrl: "slash" | "plain" | "query";
  /** Whether the queue's address carries a query. */
  queueUrlQuery: boolean;
  jobIds: "uuid" | "decimal";
  firstMessageId: number;
  /** 400 for a service call without api-version. */
  apiVersionRequired: boolean;
  /** A webhook leaves after this … */
  webhookDelayMs: number;
  /** … unless it is lost; a lost one is listed as a failed delivery. */
  webhookLoss: number;
  /** Chance that a webhook comes twice. */
  webhookDoubling: number;
  /** The request log keeps so many. */
  requestsKept: number;
}

/** The knobs as GitHub is believed to behave in a mode. */
export function defaultKnobs(mode: Mode): Knobs {
  const acquire = mode === "acquire";
  return {
    holdMs: 50_000,
    sessionLapseMs: 90_000,
    deliveryDelayMs: 0,
    entriesMax: 50,
    adminTokenLifeMs: 60 * 60_000,
    queueTokenLifeMs: 60 * 60_000,
    oldQueueTokenGraceMs: 0,
    secondPollEndsFirst: true,
    absentMessageStatus: 404,
    duplicateScaleSetStatus: 400,
    deleteWithSession: true,
    assignWithoutSession: false,
    assignDelayMs: 0,
    acquireAtMost: Number.MAX_SAFE_INTEGER,
    reannounceAfterMs: 0,
    startTimeoutMs: 5 * 60_000,
    requeuesMax: 3,
    jobLapseMs: 10 * 60_000,
    lostJobResult: "failed",
    idleLapseMs: 60_000,
    registrationsMax: 1_500,
    registrationWindowMs: 5 * 60_000,
    restCallsMax: 5_000,
    patExpiresAt: 0,
    appSuspended: false,
    appHearsJobs: true,
    runnerGroups: ["Default"],
    customLabels: true,
    unsetTimes: "absent",
    runnerSettingKey: "runnerSetting",
    serviceUrl: acquire ? "slash" : "plain",
    queueUrlQuery: acquire,
    jobIds: acquire ? "decimal" : "uuid",
    firstMessageId: acquire ? 1 : 100_000_001,
    apiVersionRequired: false,
    webhookDelayMs: 0,
    webhookLoss: 0,
    webhookDoubling: 0,
    requestsKept: 20_000,
  };
}

const choices: Partial<Record<keyof Knobs, readonly string[]>> = {
  unsetTimes: ["absent", "null", "zero"],
  runnerSettingKey: ["runnerSetting", "RunnerSetting"],
  serviceUrl: ["slash", "plain", "query"],
  jobIds: ["uuid", "decimal"],
};

/** Knobs changed by a patch from outside; throws with the first thing that is wrong with it. */
export function patchKnobs(knobs: Knobs, patch: unknown): Knobs {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) {
    throw new TypeError("knobs must be an object");
  }
  const known: Record<string, unknown> = { ...knobs };
  for (const [name, value] of Object.entries(patch)) {
    const before = known[name];
    if (before === undefined) throw new TypeError(`there is no knob ${name}`);
    const wrong = findFault(name, before, value);
    if (wrong) throw new TypeError(`knob ${name} ${wrong}`);
  }
  // Every name and type in the patch has just been compared with the knob it replaces.
  return { ...knobs, ...(patch as Partial<Knobs>) };
}

function findFault(name: string, before: unknown, value: unknown): string | undefined {
  if (Array.isArray(before)) {
    const strings = Array.isArray(value) && value.every((one) => typeof one === "string");
    return strings && value.length > 0 ? undefined : "must be a list of names";
  }
  if (typeof value !== typeof before) return `must be a ${typeof before}`;
  if (typeof value === "number" && !(value >= 0)) return "must not be negative";
  const allowed = Object.entries(choices).find(([knob]) => knob === name)?.[1];
  if (allowed && !allowed.includes(String(value))) return `must be one of ${allowed.join(", ")}`;
  return undefined;
}
