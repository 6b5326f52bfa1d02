// Why: one scale set may be served by several clusters. The tally says how many runners there should be; this
// says where. Only differences are placed: a runner that waits in one cluster is not moved because another
// one would suit better now, since moving it means starting it twice.
import { desiredCount, toCount } from "./desired-count.ts";
import { int32Max } from "./target.ts";
import { drain, fill, type Vessel } from "./water-level.ts";

/** One target as the placement sees it. */
export interface Place {
  key: string;
  minRunners: number;
  maxRunners: number;
  /** Replicas of the last pair decided. */
  current: number;
  /** Runners with a job; the last known number while the target is silent. */
  busy: number;
  /** False: the cluster does not answer. */
  healthy: boolean;
  /** It has a deletionTimestamp (or is gone): nothing new, and desired 0. */
  deleting: boolean;
  /** Higher is served first. */
  priority: number;
  /** Share within a priority; 0 = only what no other place can take. */
  weight: number;
  /** Runners that its cluster refuses to start: no headroom while there are any … */
  refused: number;
  /** … and once they were refused for a minute, they are placed elsewhere. */
  refusedLong: boolean;
  /** How many runners completed since the last decision: falls come from here first. */
  completed: number;
  /** After an outage: the most runners not yet busy that it may get now; undefined: no limit. */
  allowance: number | undefined;
}

/** The service's numbers that placement needs. */
export interface Demand {
  totalAssignedJobs: number;
  totalRunningJobs: number;
}

export interface Placement {
  /** Replicas by target key. */
  replicas: Map<string, number>;
  /** The most runners that can be held: what a poll sends as its capacity. */
  capacity: number;
}

/** Decides each place's replicas. The sum over healthy places is desiredCount of their sums. */
export function placeRunners(places: readonly Place[], demand: Demand): Placement {
  const live = places.filter((place) => place.healthy && !place.deleting);
  const others = places.filter((place) => !live.includes(place));
  const elsewhere = busyElsewhere(live, others, demand);
  const assigned = Math.max(0, toCount(demand.totalAssignedJobs) - elsewhere);
  const sums = {
    minRunners: sum(live.map(({ minRunners }) => toCount(minRunners))),
    maxRunners: sum(live.map(({ maxRunners }) => toCount(maxRunners))),
  };
  const total = desiredCount(sums, assigned);
  const replicas = placeLive(live, total);
  const left = Math.max(0, sums.minRunners + assigned - total);
  placeOthers(others, left).forEach((count, key) => replicas.set(key, count));
  const busyOthers = sum(others.map(busyOf));
  return { replicas, capacity: Math.min(int32Max, sums.maxRunners + busyOthers) };
}

/**
 * Jobs that run on places that cannot be reached: they stay there and need no runner elsewhere. The service's
 * running jobs bound the memory of a silent cluster, whose jobs may long be over.
 */
function busyElsewhere(live: Place[], others: Place[], demand: Demand): number {
  const remembered = sum(others.map(busyOf));
  const known = sum(live.map(busyOf));
  return Math.min(remembered, Math.max(0, toCount(demand.totalRunningJobs) - known));
}

/** A silent place keeps its busy runners and whatever nobody else can take; a deleted one gets nothing. */
function placeOthers(others: Place[], left: number): Map<string, number> {
  const placed = new Map<string, number>();
  let rest = left;
  for (const place of others) {
    const kept = floorOf(place);
    const count = place.deleting ? 0 : Math.min(toCount(place.current), kept + rest);
    rest -= Math.max(0, count - kept);
    placed.set(place.key, count);
  }
  return placed;
}

function placeLive(live: Place[], total: number): Map<string, number> {
  const slots = live.map(slotOf);
  lower(slots, total);
  raise(slots, total);
  return new Map(slots.map((slot) => [slot.key, slot.level]));
}

interface Slot extends Vessel {
  /** minRunners: never less. */
  least: number;
  /** minRunners idle ones on top of the busy: less only when the tally is smaller than that. */
  floor: number;
  /** More only when all ceilings together are below the tally. */
  ceiling: number;
  max: number;
  completed: number;
  priority: number;
}

function slotOf(place: Place): Slot {
  const max = toCount(place.maxRunners);
  const least = Math.min(max, toCount(place.minRunners));
  const floor = floorOf(place);
  const current = Math.min(max, toCount(place.current));
  const ceiling = Math.max(least, Math.min(max, ceilingOf(place, floor, current)));
  return {
    key: place.key,
    // Busy runners exist, whatever was decided before.
    level: Math.max(least, Math.min(ceiling, Math.max(current, floor))),
    least,
    floor,
    ceiling,
    max,
    completed: toCount(place.completed),
    priority: place.weight > 0 ? place.priority : -Infinity,
    weight: Math.max(place.weight, 1e-9),
  };
}

function ceilingOf(place: Place, floor: number, current: number): number {
  const refused = toCount(place.refused);
  if (refused > 0 && place.refusedLong) return Math.max(floor, current - refused);
  const headroom = refused > 0 ? Math.max(floor, current) : int32Max;
  return Math.min(headroom, place.allowance === undefined ? int32Max : floor + place.allowance);
}

/** A place's minRunners are idle ones, on top of its busy ones. */
function floorOf(place: Place): number {
  return Math.min(toCount(place.maxRunners), toCount(place.minRunners) + busyOf(place));
}

/**
 * Whether what the cluster says of the busy already leaves out those that have just completed is not known: the
 * tally makes good for either.
 */
function busyOf(place: Place): number {
  return Math.max(0, toCount(place.busy) - toCount(place.completed));
}

/** Down to the tally: first where a runner completed, then the lowest priority and the highest level. */
function lower(slots: Slot[], total: number): void {
  for (const slot of slots) {
    const most = Math.min(slot.completed, surplus(slots, total), slot.level - slot.floor);
    slot.level -= Math.max(0, most);
  }
  const tiers = byPriority(slots).toReversed();
  for (const tier of tiers) drain(tier, surplus(slots, total), ({ floor }) => floor);
  for (const tier of tiers) drain(tier, surplus(slots, total), ({ least }) => least);
}

/** Up to the tally. When ceilings leave jobs without a place, waiting in a full one is better than nowhere. */
function raise(slots: Slot[], total: number): void {
  const tiers = byPriority(slots);
  for (const tier of tiers) fill(tier, -surplus(slots, total), ({ ceiling }) => ceiling);
  for (const tier of tiers) fill(tier, -surplus(slots, total), ({ max }) => max);
}

function surplus(slots: Slot[], total: number): number {
  return sum(slots.map(({ level }) => level)) - total;
}

/** The slots in groups of equal priority, the highest first. */
function byPriority(slots: Slot[]): Slot[][] {
  const priorities = [...new Set(slots.map(({ priority }) => priority))].toSorted((a, b) => b - a);
  return priorities.map((one) => slots.filter(({ priority }) => priority === one));
}

function sum(numbers: number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
