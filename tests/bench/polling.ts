// Why: a scale set is served as long as a poll of its is open at the service; when it was not, and for how long, is read
// from the service's own record.
import type { SimulatorEvent } from "@runlet/simulators/actions-service/events";
import type { Happenings } from "./happenings.ts";

/** A span without an open poll, of one scale set. */
export interface Gap {
  scaleSet: string;
  from: number;
  to: number;
}

export interface Polling {
  /** Spans that have ended, oldest first. */
  gaps(): readonly Gap[];
  stop(): void;
}

/** Follows polls from now on; each set is taken to have one open. */
export function followPolling(facts: Happenings<SimulatorEvent>): Polling {
  const gaps: Gap[] = [];
  const open = new Map<string, number>();
  const closedAt = new Map<string, number>();
  const stop = facts.listen((fact) => {
    if (fact.kind === "poll-opened") {
      const { scaleSet, at } = fact;
      const from = closedAt.get(scaleSet);
      if (from !== undefined) gaps.push({ scaleSet, from, to: at });
      closedAt.delete(scaleSet);
      open.set(scaleSet, (open.get(scaleSet) ?? 1) + 1);
    } else if (fact.kind === "poll-closed") {
      const { scaleSet, at } = fact;
      const left = (open.get(scaleSet) ?? 1) - 1;
      open.set(scaleSet, left);
      if (left === 0) closedAt.set(scaleSet, at);
    }
  });
  return { gaps: () => gaps, stop };
}
