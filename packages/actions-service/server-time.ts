// Why: token lifetimes are in GitHub's time. A clock that is minutes off would sign App JWTs that are
// refused, and refresh too late or in a loop (fault F64, invariant I26); every answer's Date says how far.
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";

/** Date has whole seconds and the answer has travelled: less than this is no skew. */
const noiseMs = 5_000;
const alarmMs = 60_000;

export interface ServerTime {
  /** Milliseconds since 1970 as the server sees them. */
  nowMs(): number;
  /** Takes the Date header of an answer that has just come. True when the estimate moved. */
  note(headers: Headers): boolean;
}

export function createServerTime(deps: { clock: Clock; log: Log }): ServerTime {
  let skewMs = 0;
  return {
    nowMs: () => deps.clock.wallMs() + skewMs,
    note(headers) {
      const date = Date.parse(headers.get("date") ?? "");
      if (!Number.isFinite(date)) return false;
      const seen = date - deps.clock.wallMs();
      const next = Math.abs(seen) < noiseMs ? 0 : seen;
      if (Math.abs(next - skewMs) < noiseMs) return false;
      skewMs = next;
      if (Math.abs(skewMs) >= alarmMs) deps.log.warn("clock_skewed", { skewMs });
      return true;
    },
  };
}
