// Why: in acquire mode a job waits until somebody takes it. Only ids that were announced are asked for, and no
// more than there is capacity for; what was left over or failed is asked for again, or a lone job waits for ever.
import type { RequestId } from "@runlet/actions-service/service";
import type { Statistics } from "@runlet/domain/statistics";

/** How many more jobs may be taken: capacity is a total, not what is left (protocol header X-ScaleSetMaxCapacity). */
export function roomToAcquire(
  capacity: number,
  statistics: Statistics,
  takenSince: number,
): number {
  return Math.max(0, capacity - statistics.totalAssignedJobs - takenSince);
}

/** The ids to ask for now, each once, in the order they were announced. */
export function decideAcquire(announced: readonly RequestId[], room: number): RequestId[] {
  // Auto-assign hosts send id 0: nothing to acquire.
  const ids = [...new Set(announced)].filter((id) => id !== "0" && id !== "");
  return ids.slice(0, Math.max(0, room));
}

/** Whether `acquirablejobs` is to be asked: the tally says jobs wait, and there is room for them. */
export function shouldSeekJobs(statistics: Statistics, room: number): boolean {
  return statistics.totalAvailableJobs > 0 && room > 0;
}
