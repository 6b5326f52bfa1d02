// Why: "1 shards" makes a reader doubt the figure beside it.

/** The number and its noun, as in "1 shard" and "2 shards". */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
