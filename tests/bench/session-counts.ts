// Why: a take-over is only quick when the sessions are taken over too: a new one is refused with 409 until the old one
// has lapsed, 90 s later.
import type { SimulatorEvent } from "@runlet/simulators/actions-service/events";
import type { Figure } from "./figures.ts";
import type { Happenings } from "./happenings.ts";

export interface SessionCounts {
  figures(): Figure[];
}

export function countSessions(facts: Happenings<SimulatorEvent>): SessionCounts {
  let refused = 0;
  let created = 0;
  facts.listen(({ kind }) => {
    if (kind === "session-refused") refused++;
    if (kind === "session-created") created++;
  });
  return {
    figures: () => [
      { what: "sessions refused with 409", value: refused, unit: "count", bar: 0 },
      { what: "sessions created anew", value: created, unit: "count", bar: 0 },
    ],
  };
}
