// Why: what the service does wrong, on demand and per route: statuses, delays, cut connections
// before and after the deed, and the broken answers that were seen to kill listeners.
import type { Random } from "@runlet/runtime/random";

export const routeNames = [
  "registrationToken",
  "installationToken",
  "rateLimit",
  "installation",
  "runnerRegistration",
  "runnerGroups",
  "listScaleSets",
  "getScaleSet",
  "createScaleSet",
  "updateScaleSet",
  "deleteScaleSet",
  "createSession",
  "refreshSession",
  "deleteSession",
  "poll",
  "acknowledge",
  "acquireJobs",
  "acquirableJobs",
  "generateJitConfig",
  "listRunners",
  "getRunner",
  "removeRunner",
  "hooks",
  "hookDeliveries",
  "redeliver",
  "runnerConnect",
  "runnerJob",
  "runnerRenew",
  "runnerFinish",
  "runnerDisconnect",
] as const;

export type RouteName = (typeof routeNames)[number];

/** Ways in which a good answer goes bad on its way out. */
export const answerChanges = [
  "empty-body",
  "bom",
  "broken-json",
  "null-statistics",
  "no-statistics",
  "empty-queue-url",
  "empty-queue-token",
  "count-too-high",
  "null-value",
  "unknown-outer-type",
  "unknown-inner-type",
  "undecodable-entry",
  "huge",
] as const;

export type AnswerChange = (typeof answerChanges)[number];

export interface Fault {
  /** "*": every route of the service (not the runners' own). */
  route: RouteName | "*";
  /** Only calls for this scale set: its key or name. */
  scaleSet?: string;
  /** How many calls it hits (default 1). */
  times?: number;
  /** Chance that it hits a call it could hit (default 1). */
  chance?: number;
  /** Waits before anything is done. */
  delayMs?: number;
  /** Never answers; the caller must give up. */
  hang?: boolean;
  /** The connection breaks before, or after, the deed is done. */
  drop?: "before" | "after";
  /** Answers this instead, without doing the deed … */
  status?: number;
  /** … or, with this, after having done it. */
  afterCommit?: boolean;
  body?: string;
  contentType?: string;
  /** Seconds or an HTTP date, as the header says it. */
  retryAfter?: string;
  /** Spoils the answer of a deed done. */
  answer?: AnswerChange;
}

export interface Faults {
  add(fault: Fault): void;
  clear(): void;
  /** The fault that hits this call, if any; counts it. */
  take(route: RouteName, scaleSet: { key: string; name: string } | undefined): Fault | undefined;
  list(): Fault[];
}

export function createFaults(deps: { random: Random }): Faults {
  let faults: (Fault & { left: number })[] = [];
  return {
    add: (fault) => void faults.push({ ...fault, left: fault.times ?? 1 }),
    clear: () => void (faults = []),
    take(route, scaleSet) {
      const hit = faults.find(
        (fault) =>
          (fault.route === route || (fault.route === "*" && !route.startsWith("runner"))) &&
          (fault.scaleSet === undefined ||
            fault.scaleSet === scaleSet?.key ||
            fault.scaleSet === scaleSet?.name) &&
          (fault.chance === undefined || deps.random.next() < fault.chance),
      );
      if (!hit) return undefined;
      hit.left -= 1;
      if (hit.left <= 0) faults = faults.filter((fault) => fault !== hit);
      return hit;
    },
    list: () => faults.map(({ left, ...fault }) => ({ ...fault, times: left })),
  };
}
