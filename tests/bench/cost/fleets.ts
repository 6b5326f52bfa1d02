// Why: what Runlet costs hangs on how many scale sets there are and on what they do; these are the cases that are priced.
import type { Settings } from "@runlet/runtime/settings";

export type Life = "quiet" | "resting" | "busy";

export interface Fleet {
  scaleSets: number;
  life: Life;
  /** Of each scale set, spread evenly over day and night. */
  jobsPerHour: number;
  /** How long it is measured, a whole number of looks and of token lives. */
  periodMs: number;
  settings: Partial<Settings>;
}

const hourMs = 3_600_000;

export function listFleets(small: boolean): Fleet[] {
  const counts = small ? [2] : [5, 200];
  return counts.flatMap((scaleSets) => {
    const one = (life: Life, hours: number, more: Partial<Fleet> = {}): Fleet => ({
      scaleSets,
      life,
      jobsPerHour: 0,
      periodMs: (small ? 1 : hours) * hourMs,
      settings: {},
      ...more,
    });
    const many = scaleSets > 100;
    return [
      one("quiet", many ? 2 : 6),
      one("resting", 12, { settings: { restAfterMs: 10 * 60_000 } }),
      one("busy", many ? 1 : 6, { jobsPerHour: 4 }),
    ];
  });
}
