// Why: what the silent clusters of a scale set are owed stands in its checkpoint, one row of a store that takes so many
// bytes and no more (DynamoDB: 400 KB an item). A row that is refused would leave every message unacknowledged.
import type { JobStartedFact } from "@runlet/coordination/checkpoints";

export interface OwedLimits {
  /** Facts of one target. */
  factsMax: number;
  /** Bytes (UTF-8, as JSON) of the facts of all targets together. */
  bytesMax: number;
}

/**
 * The facts to keep of each target, in their order. The oldest go first (their jobs are the most likely to be over),
 * those of the target with the most bytes before another's.
 */
export function planOwed(
  owed: ReadonlyMap<string, readonly JobStartedFact[]>,
  { factsMax, bytesMax }: OwedLimits,
): Map<string, JobStartedFact[]> {
  const lists = [...owed].map(([key, facts]) => {
    const kept = facts.slice(-factsMax);
    const sizes = kept.map(bytesOf);
    return { key, kept, sizes, from: 0, bytes: sizes.reduce((sum, size) => sum + size, 0) };
  });
  let total = lists.reduce((sum, { bytes }) => sum + bytes, 0);
  while (total > bytesMax) {
    const largest = lists.reduce((most, list) => (list.bytes > most.bytes ? list : most));
    const size = largest.sizes[largest.from++] ?? 0;
    largest.bytes -= size;
    total -= size;
  }
  return new Map(lists.map(({ key, kept, from }) => [key, kept.slice(from)]));
}

/** With the comma that follows it. */
function bytesOf(fact: JobStartedFact): number {
  return Buffer.byteLength(JSON.stringify(fact)) + 1;
}
