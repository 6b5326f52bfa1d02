import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JobStartedFact } from "@runlet/coordination/checkpoints";
import { planOwed } from "./plan-owed.ts";

const fact: fc.Arbitrary<JobStartedFact> = fc.record({
  runnerName: fc.string(),
  requestId: fc.nat().map(String),
  jobId: fc.uuid(),
  repository: fc.string(),
  workflowRef: fc.string(),
  workflowRunId: fc.nat().map(String),
  // Umlauts, pictures and halves of pictures: characters are not bytes.
  displayName: fc.string({ unit: "binary", maxLength: 300 }),
});
const owed = fc
  .dictionary(fc.string(), fc.array(fact, { maxLength: 20 }), { maxKeys: 5 })
  .map((lists) => new Map(Object.entries(lists)));
const limits = fc.record({ factsMax: fc.integer({ min: 1, max: 20 }), bytesMax: fc.nat(8_000) });

function bytesOf(lists: Iterable<readonly JobStartedFact[]>): number {
  return [...lists].reduce((sum, list) => sum + Buffer.byteLength(JSON.stringify(list)), 0);
}

describe("what is kept of the facts that are owed", () => {
  it("fits, target by target and all together", () => {
    fc.assert(
      fc.property(owed, limits, (lists, limit) => {
        const kept = [...planOwed(lists, limit).values()];
        for (const facts of kept) expect(facts.length).toBeLessThanOrEqual(limit.factsMax);
        // The brackets of a list are the row's own; a last fact has no comma.
        const brackets = 2 * kept.length;
        expect(bytesOf(kept) - brackets).toBeLessThanOrEqual(limit.bytesMax);
      }),
    );
  });

  it("is the newest of each target, in their order, and of every target a list", () => {
    fc.assert(
      fc.property(owed, limits, (lists, limit) => {
        const kept = planOwed(lists, limit);
        expect([...kept.keys()]).toEqual([...lists.keys()]);
        for (const [key, facts] of kept) {
          expect(facts).toEqual((lists.get(key) ?? []).slice(-facts.length || Infinity));
        }
      }),
    );
  });

  it("is everything that fits, and does not change when it is asked again", () => {
    fc.assert(
      fc.property(owed, limits, (lists, limit) => {
        const once = planOwed(lists, limit);
        expect(planOwed(once, limit)).toEqual(once);
        const roomy = { factsMax: 20, bytesMax: bytesOf(lists.values()) + 2 * 20 * 5 };
        expect(planOwed(lists, roomy)).toEqual(lists);
      }),
    );
  });

  it("loses no more than had to go: with one fact more it would not fit", () => {
    fc.assert(
      fc.property(owed, fc.nat(8_000), (lists, bytesMax) => {
        const kept = planOwed(lists, { factsMax: 20, bytesMax });
        const cuts = [...lists].filter(
          ([key, facts]) => facts.length > (kept.get(key)?.length ?? 0),
        );
        if (cuts.length === 0) return;
        const next = cuts.map(([key, facts]) => facts.at(-1 - (kept.get(key)?.length ?? 0)));
        const all = [...kept.values()].flat();
        const largest = Math.max(...next.map((one) => bytesOf([one ? [one] : []])));
        const withCommas = all.reduce((sum, one) => sum + bytesOf([[one]]) - 1, 0);
        expect(withCommas + largest - 1).toBeGreaterThan(bytesMax);
      }),
    );
  });
});
