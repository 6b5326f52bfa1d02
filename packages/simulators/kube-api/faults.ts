// Why: what goes wrong between a client and an API server goes wrong here too, on purpose: answers that
// come late, never, or get lost after the write was done; overload; a server that cannot be reached.
import type { Clock } from "@runlet/runtime/clock";
import type { Random } from "@runlet/runtime/random";
import type { RequestInfo } from "./request-info.ts";
import { StatusError } from "./status-error.ts";

export type FaultEffect =
  /** The request is handled this much later. */
  | { kind: "latency"; ms: number }
  /** Refused with this status, nothing done; `message`: in the words of an admission webhook, say. */
  | { kind: "status"; status: number; retryAfterSeconds?: number; message?: string }
  /** Done, but the answer never arrives: the connection breaks. */
  | { kind: "lost-answer" }
  /** Not done; the connection breaks. */
  | { kind: "unreachable" }
  /** Neither done nor answered, until the fault is lifted (then: the connection breaks). */
  | { kind: "silence" };

export interface Fault {
  effect: FaultEffect;
  /** Only requests with this verb, plural, namespace, name or user; absent: any. */
  verb?: string;
  plural?: string;
  namespace?: string;
  name?: string;
  user?: string;
  /** After this many requests the fault is over; absent: until it is lifted. */
  times?: number;
  /** Strikes with this probability; absent: always. */
  chance?: number;
}

/** The connection breaks: in process the call rejects, on a socket the socket is closed. */
export class ConnectionLost extends Error {
  override name = "ConnectionLost";
  constructor(why: string) {
    super(`the connection to the API server was lost: ${why}`);
  }
}

export interface Faults {
  /** Replaces all faults. */
  set(faults: readonly Fault[]): void;
  /** Adds one; returns its end. */
  add(fault: Fault): () => void;
  /** Before a request is handled. Throws or waits as the faults say; returns what to do afterwards. */
  before(info: RequestInfo, user: string, signal?: AbortSignal): Promise<() => void>;
}

interface Active extends Fault {
  left: number;
  lifted: Promise<void>;
  lift(): void;
}

function activate(fault: Fault): Active {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { ...fault, left: fault.times ?? Infinity, lifted: promise, lift: resolve };
}

export function createFaults(deps: { clock: Clock; random: Random }): Faults {
  const { clock, random } = deps;
  let active: Active[] = [];

  function strikes(fault: Active, info: RequestInfo, user: string): boolean {
    const fits =
      (fault.verb === undefined || fault.verb === info.verb) &&
      (fault.plural === undefined || fault.plural === info.plural) &&
      (fault.namespace === undefined || fault.namespace === info.namespace) &&
      (fault.name === undefined || fault.name === info.name) &&
      (fault.user === undefined || fault.user === user);
    if (!fits || fault.left <= 0) return false;
    if (fault.chance !== undefined && random.next() >= fault.chance) return false;
    fault.left--;
    return true;
  }

  function lift(faults: readonly Active[]) {
    active = active.filter((fault) => !faults.includes(fault));
    for (const fault of faults) fault.lift();
  }

  return {
    set(faults) {
      lift(active);
      active = faults.map(activate);
    },
    add(fault) {
      const added = activate(fault);
      active = [...active, added];
      return () => lift([added]);
    },
    async before(info, user, signal) {
      let after = () => {};
      for (const fault of active.filter((candidate) => strikes(candidate, info, user))) {
        const { effect } = fault;
        if (effect.kind === "latency") await clock.sleep(effect.ms, signal);
        else if (effect.kind === "status") throw statusFault(effect);
        else if (effect.kind === "unreachable") throw new ConnectionLost("unreachable");
        else if (effect.kind === "silence") {
          await fault.lifted;
          throw new ConnectionLost("no answer");
        } else {
          after = () => {
            throw new ConnectionLost("after the request was handled");
          };
        }
      }
      return after;
    },
  };
}

const reasons: Record<number, string> = {
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

function statusFault(effect: Extract<FaultEffect, { kind: "status" }>): StatusError {
  const { status, retryAfterSeconds, message = `a fault: ${status}` } = effect;
  const details = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  return new StatusError(status, reasons[status], message, details);
}
