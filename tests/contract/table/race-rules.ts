// Why: whatever store the processes race on, the same must be true of what they report.
import { expect } from "vitest";
import type { Race, RacerLine, RacerOrder } from "./race.ts";

export const racerIds = ["a", "b", "c", "d"];

/** Resolves when so many rounds have been played. */
export function played(running: Race, round: number) {
  return running.find((line) => line.what === "round" && Number(line.round) >= round);
}

/** Lets a holder stop itself, and go on when another has taken over; what became of its next act. */
export async function stopHolder(running: Race, id: string, order: RacerOrder) {
  const from = running.lines.length;
  running.order(id, order);
  const holding = await running.find((line) => line.what === "holding", from);
  await running.stands(id);
  const since = running.lines.indexOf(holding);
  const next = await running.find((line) => line.what === "taken" && line.id !== id, since);
  expect(next).toMatchObject({ from: "expired" });
  // A fence guards what it has marked: the late one could still write before the new one's first write.
  await running.find((line) => line.what === "round" && line.id !== id, since);
  running.wake(id);
  const woken = await running.find((line) => line.what === "woken", since);
  return woken.what === "woken" && woken.round;
}

/** What the lines must show: one taker a number, growing; no gap and no double in the rounds. */
export function expectOrder(lines: RacerLine[], rounds: number) {
  const taken = lines.filter((line) => line.what === "taken");
  expect(new Set(taken.map(({ n }) => n)).size).toBe(taken.length);
  const rounded = lines.flatMap((line) =>
    line.what === "round" && line.round !== "late" ? [{ n: line.n, round: line.round }] : [],
  );
  const inOrder = rounded.toSorted((a, b) => a.round - b.round);
  expect(new Set(rounded.map(({ round }) => round)).size).toBe(rounded.length);
  for (const [at, { n }] of inOrder.entries()) {
    expect(n).toBeGreaterThan(inOrder[at - 1]?.n ?? 0);
  }
  // Nobody was locked out for good by having been stopped.
  for (const id of racerIds)
    expect(taken.some((line) => line.id === id && line.n > rounds)).toBe(true);
}
