import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { idleOrder, planScale, type RunnerView, type ScaleObservation } from "./plan-scale.ts";

const runner = fc.record<RunnerView>({
  key: fc.uuid(),
  state: fc.constantFrom("pending", "running", "finished", "failed", "outdated", "deleting"),
  hasJob: fc.boolean(),
  registered: fc.boolean(),
  askedInVain: fc.boolean(),
  createdAtMs: fc.integer({ min: 0, max: 1_000_000 }),
  stale: fc.boolean(),
});

const observation = fc.record<ScaleObservation>({
  replicas: fc.integer({ min: 0, max: 20 }),
  patchId: fc.integer({ min: 0, max: 5 }),
  actedPatchId: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
  hasNewOrder: fc.boolean(),
  outdated: fc.boolean(),
  draining: fc.boolean(),
  creatable: fc.constantFrom(0, 1, Number.POSITIVE_INFINITY),
  runners: fc.array(runner, { maxLength: 20 }),
});

/** A failed runner of an older template makes way. */
const holding = (seen: ScaleObservation) =>
  seen.runners.filter(({ state, stale }) => {
    return state === "pending" || state === "running" || (state === "failed" && !stale);
  }).length;

const check = (property: (seen: ScaleObservation) => void) =>
  fc.assert(fc.property(observation, property), { numRuns: 500 });

describe("planScale", () => {
  it("never creates and removes in one plan", () => {
    check((seen) => {
      const plan = planScale(seen);
      expect(plan.create > 0 && plan.removeCount > 0).toBe(false);
    });
  });

  it("never goes above the wanted number, nor below it by removing", () => {
    check((seen) => {
      const plan = planScale(seen);
      if (plan.create > 0) expect(holding(seen) + plan.create).toBeLessThanOrEqual(seen.replicas);
      if (plan.removeCount > 0) {
        expect(holding(seen) - plan.removeCount).toBe(seen.replicas);
      }
    });
  });

  it("a numbered order removes nothing for being too many", () => {
    check((seen) => {
      if (seen.patchId > 0) expect(planScale(seen).removeCount).toBe(0);
    });
  });

  it("a runner with a job, unregistered or just called busy is never asked to go", () => {
    check((seen) => {
      const plan = planScale(seen);
      for (const one of [...plan.idle, ...plan.recycle]) {
        expect(one.hasJob || !one.registered || one.askedInVain).toBe(false);
        expect(["pending", "running"]).toContain(one.state);
      }
      for (const one of plan.replaceAtOnce) expect(one.registered || one.hasJob).toBe(false);
    });
  });

  it("an order that was acted on is not acted on again, whatever happened to its runners", () => {
    check((seen) => {
      if (seen.patchId === 0) return;
      const plan = planScale({
        ...seen,
        actedPatchId: seen.patchId,
        hasNewOrder: false,
        runners: [],
      });
      expect(plan.acts).toBe(false);
      expect(plan.create).toBe(0);
    });
  });

  it("what is withheld and created together is what is missing", () => {
    check((seen) => {
      const open = { ...seen, draining: false };
      const free = planScale({ ...open, creatable: Number.POSITIVE_INFINITY });
      const held = planScale(open);
      expect(held.create + held.withheld).toBe(free.create + free.withheld);
    });
  });

  it("a set that GitHub calls outdated creates nothing", () => {
    check((seen) => {
      const plan = planScale({ ...seen, outdated: true });
      expect(plan.create).toBe(0);
      // It says how many it does not make, so that whoever ordered them does not order them again.
      expect(plan.withheld).toBe(Math.max(0, seen.replicas - holding(seen)));
    });
  });

  it("what has failed or is outdated makes way at once for another template, and only then", () => {
    check((seen) => {
      const gone = planScale(seen).removeAtOnce.filter(({ state }) => state !== "finished");
      const isRefused = ({ state }: RunnerView) => state === "failed" || state === "outdated";
      expect(gone).toEqual(seen.runners.filter((one) => isRefused(one) && one.stale));
    });
  });

  it("a set that is emptied lets every runner go that has no job, and makes none", () => {
    check((seen) => {
      for (const why of [{ draining: true }, { outdated: true }]) {
        const plan = planScale({ ...seen, ...why });
        expect(plan.create).toBe(0);
        expect(plan.replaces).toBe(false);
        const living = seen.runners.filter(
          ({ state }) => state === "pending" || state === "running",
        );
        expect(plan.recycle).toEqual(idleOrder(living));
      }
    });
  });

  it("carrying out a plan leaves nothing to create", () => {
    check((seen) => {
      const { create } = planScale({ ...seen, creatable: Number.POSITIVE_INFINITY });
      const made = Array.from({ length: create }, (_, at): RunnerView => ({
        key: `new-${at}`,
        state: "pending",
        hasJob: false,
        registered: false,
        askedInVain: false,
        createdAtMs: 0,
        stale: false,
      }));
      const next = planScale({ ...seen, runners: [...seen.runners, ...made] });
      expect(next.create).toBe(0);
    });
  });

  it("pending runners go before running ones, the older first", () => {
    fc.assert(
      fc.property(fc.array(runner), (runners) => {
        const order = idleOrder(
          runners.filter(({ state }) => state === "pending" || state === "running"),
        );
        for (const [index, one] of order.entries()) {
          const next = order[index + 1];
          if (!next) continue;
          expect(one.state === "running" && next.state === "pending").toBe(false);
          if (one.state === next.state)
            expect(one.createdAtMs).toBeLessThanOrEqual(next.createdAtMs);
        }
      }),
    );
  });
});
