import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { desiredCount } from "./desired-count.ts";
import { placeRunners, type Place } from "./place-runners.ts";
import { int32Max } from "./target.ts";

function place(key: string, over: Partial<Place> = {}): Place {
  return {
    key,
    minRunners: 0,
    maxRunners: 100,
    current: 0,
    busy: 0,
    healthy: true,
    deleting: false,
    priority: 0,
    weight: 1,
    refused: 0,
    refusedLong: false,
    completed: 0,
    allowance: undefined,
    ...over,
  };
}

const demand = (totalAssignedJobs: number, totalRunningJobs = 0) => ({
  totalAssignedJobs,
  totalRunningJobs,
});
const counts = (places: Place[], jobs: number, running = 0) => {
  const { replicas } = placeRunners(places, demand(jobs, running));
  return places.map(({ key }) => replicas.get(key));
};

const small = fc.integer({ min: 0, max: 12 });
const anyPlace = (index: number) =>
  fc
    .record({
      minRunners: fc.integer({ min: 0, max: 3 }),
      more: small,
      current: small,
      busy: small,
      priority: fc.integer({ min: 0, max: 2 }),
      weight: fc.constantFrom(0, 0.5, 1, 2, 10),
      refused: fc.constantFrom(0, 0, 0, 2),
      refusedLong: fc.boolean(),
      completed: fc.integer({ min: 0, max: 2 }),
      allowance: fc.constantFrom(undefined, undefined, 1, 4),
      healthy: fc.constantFrom(true, true, true, false),
      deleting: fc.constantFrom(false, false, false, true),
    })
    .map(({ more, ...rest }) =>
      place(`c${index}`, { ...rest, maxRunners: rest.minRunners + more }),
    );
const anyPlaces = fc
  .integer({ min: 1, max: 4 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => anyPlace(index))));

const live = (places: Place[]) => places.filter(({ healthy, deleting }) => healthy && !deleting);
const total = (places: Place[], of: (place: Place) => number) =>
  places.reduce((sum, one) => sum + of(one), 0);

describe("placing runners", () => {
  it("gives one cluster what the tally says", () => {
    expect(counts([place("a", { minRunners: 1, maxRunners: 3 })], 1)).toEqual([2]);
    expect(counts([place("a", { minRunners: 1, maxRunners: 3 })], 9)).toEqual([3]);
  });

  it("lets the tally fall although runners still look busy: a number above 0 deletes nobody", () => {
    expect(counts([place("a", { current: 3, busy: 3 })], 0)).toEqual([0]);
  });

  it("fills the higher priority first, then by weight", () => {
    const near = place("near", { priority: 10, maxRunners: 2 });
    expect(counts([near, place("b", { weight: 3 }), place("c")], 10)).toEqual([2, 6, 2]);
  });

  it("uses a place of weight 0 only when no other has room", () => {
    const spare = place("spare", { weight: 0 });
    expect(counts([place("a", { maxRunners: 3 }), spare], 3)).toEqual([3, 0]);
    expect(counts([place("a", { maxRunners: 3 }), spare], 5)).toEqual([3, 2]);
  });

  it("takes a fall from where the runner completed, not from where another job runs", () => {
    const places = [
      place("a", { current: 2, busy: 2, priority: 1 }),
      place("b", { current: 2, busy: 1, completed: 1 }),
    ];
    expect(counts(places, 3, 3)).toEqual([2, 1]);
    const idle = (key: string, completed: number) => place(key, { current: 2, busy: 1, completed });
    expect(counts([idle("a", 0), idle("b", 1)], 3, 2)).toEqual([2, 1]);
    expect(counts([idle("a", 1), idle("b", 0)], 3, 2)).toEqual([1, 2]);
  });

  it("moves from a silent cluster only the jobs that have not started", () => {
    const places = [
      place("east", { current: 5, busy: 2, healthy: false }),
      place("west", { current: 1, busy: 1 }),
    ];
    // Six assigned: three run (two in the east), three wait; the west gets the three and its own.
    expect(counts(places, 6, 3)).toEqual([2, 4]);
  });

  it("does not believe a silent cluster's old busy count against the service's own", () => {
    const places = [place("east", { current: 5, busy: 5, healthy: false }), place("west")];
    expect(counts(places, 2, 0)).toEqual([5, 2]);
  });

  it("lets a lone silent cluster keep what it had: nobody else could take it", () => {
    const alone = place("a", { current: 4, busy: 1, healthy: false });
    expect(counts([alone], 4, 1)).toEqual([4]);
    expect(placeRunners([alone], demand(4, 1)).capacity).toBe(1);
  });

  it("gives a returned cluster no more than its allowance, if others have room", () => {
    const back = place("back", { allowance: 2, weight: 10 });
    expect(counts([back, place("b")], 8)).toEqual([2, 6]);
    expect(counts([back, place("b", { maxRunners: 3 })], 8)).toEqual([5, 3]);
  });

  it("adds nothing where runners are refused, and moves them after a minute", () => {
    const full = place("full", { current: 4, refused: 3, priority: 5 });
    expect(counts([full, place("b")], 6)).toEqual([4, 2]);
    expect(counts([{ ...full, refusedLong: true }, place("b")], 6)).toEqual([1, 5]);
  });

  it("gives a target that is being deleted nothing, and no capacity but its busy runners", () => {
    const places = [place("a", { deleting: true, current: 3, busy: 1 }), place("b")];
    expect(counts(places, 4, 1)).toEqual([0, 3]);
    expect(placeRunners(places, demand(4, 1)).capacity).toBe(101);
  });

  it("sends at most 2^31 - 1 as capacity", () => {
    const endless = { maxRunners: int32Max };
    expect(placeRunners([place("a", endless), place("b", endless)], demand(0)).capacity).toBe(
      int32Max,
    );
  });

  it("is quick for a tally that cannot be true", () => {
    const endless = { maxRunners: int32Max };
    const placed = counts(
      [place("a", endless), place("b", { ...endless, weight: 2 })],
      2_000_000_000,
    );
    expect((placed[0] ?? 0) + (placed[1] ?? 0)).toBe(2_000_000_000);
  });

  it("conserves: the live places hold exactly the desired count of their sums", () => {
    fc.assert(
      fc.property(anyPlaces, small, small, (places, jobs, running) => {
        const { replicas } = placeRunners(places, demand(jobs, Math.min(jobs, running)));
        const there = live(places);
        const held = total(there, ({ key }) => replicas.get(key) ?? NaN);
        const sums = {
          minRunners: total(there, (one) => one.minRunners),
          maxRunners: total(there, (one) => one.maxRunners),
        };
        expect(held).toBeLessThanOrEqual(desiredCount(sums, jobs));
        if (there.length === places.length) expect(held).toBe(desiredCount(sums, jobs));
      }),
    );
  });

  it("keeps every place between its minimum and its maximum", () => {
    fc.assert(
      fc.property(anyPlaces, small, small, (places, jobs, running) => {
        const { replicas } = placeRunners(places, demand(jobs, running));
        for (const one of live(places)) {
          expect(replicas.get(one.key)).toBeGreaterThanOrEqual(one.minRunners);
          expect(replicas.get(one.key)).toBeLessThanOrEqual(one.maxRunners);
        }
      }),
    );
  });

  it("takes no busy runner's place away as long as the tally has room for all of them", () => {
    fc.assert(
      fc.property(anyPlaces, small, small, (places, jobs, running) => {
        const there = live(places);
        const floor = ({ maxRunners, minRunners, busy, completed }: Place) =>
          Math.min(maxRunners, minRunners + Math.max(0, busy - completed));
        const { replicas } = placeRunners(places, demand(jobs, running));
        const held = total(there, ({ key }) => replicas.get(key) ?? NaN);
        if (held < total(there, floor)) return;
        for (const one of there) expect(replicas.get(one.key)).toBeGreaterThanOrEqual(floor(one));
      }),
    );
  });

  it("places only differences: applied again to its own result it changes nothing", () => {
    fc.assert(
      fc.property(anyPlaces, small, small, (places, jobs, running) => {
        const wanted = demand(jobs, running);
        const { replicas } = placeRunners(places, wanted);
        const settled = places.map((one) => ({
          ...one,
          current: replicas.get(one.key) ?? 0,
          busy: Math.max(0, one.busy - one.completed),
          completed: 0,
          // What was refused is counted anew after the move.
          refused: 0,
        }));
        const calm = settled.every((one) => one.allowance === undefined);
        if (!calm || places.some(({ refused }) => refused > 0)) return;
        expect(placeRunners(settled, wanted).replicas).toEqual(replicas);
      }),
    );
  });

  it("a further job lowers nobody, and one job less raises nobody", () => {
    fc.assert(
      fc.property(anyPlaces, small, small, (places, jobs, running) => {
        const before = placeRunners(places, demand(jobs, running)).replicas;
        const now = places.map((one) => ({
          ...one,
          current: before.get(one.key) ?? 0,
          busy: Math.max(0, one.busy - one.completed),
          completed: 0,
          refused: 0,
          allowance: undefined,
        }));
        const base = placeRunners(now, demand(jobs, running)).replicas;
        const more = placeRunners(now, demand(jobs + 1, running)).replicas;
        const less = placeRunners(now, demand(Math.max(0, jobs - 1), running)).replicas;
        for (const { key } of live(places)) {
          expect(more.get(key)).toBeGreaterThanOrEqual(base.get(key) ?? NaN);
          expect(less.get(key)).toBeLessThanOrEqual(base.get(key) ?? NaN);
        }
      }),
    );
  });
});
