// Why: chance is an outside world too. Jitter, ids and faults draw from a Random, so that one seed
// repeats a whole run.
import { randomBytes, randomUUID } from "node:crypto";

/** Chance, as a port. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number in [0, below). */
  int(below: number): number;
  /** A UUID (version 4 in shape). */
  uuid(): string;
  /** `count` random bytes; secret only from `createSystemRandom`. */
  bytes(count: number): Uint8Array;
}

/** The machine's own randomness: fit for keys. */
export function createSystemRandom(): Random {
  return {
    next: () => Math.random(),
    int: (below) => Math.floor(Math.random() * below),
    uuid: () => randomUUID(),
    bytes: (count) => randomBytes(count),
  };
}

/** Repeatable randomness from a whole-number seed (mulberry32): for tests and demos, never for keys. */
export function createSeededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const int = (below: number) => Math.floor(next() * below);
  const bytes = (count: number) => Uint8Array.from({ length: count }, () => int(256));
  const hex = (count: number) => Buffer.from(bytes(count)).toString("hex");
  return {
    next,
    int,
    bytes,
    uuid: () =>
      `${hex(4)}-${hex(2)}-4${hex(2).slice(1)}-${"89ab"[int(4)]}${hex(2).slice(1)}-${hex(6)}`,
  };
}
