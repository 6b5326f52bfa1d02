// Why: "by weight" means: raise whoever is lowest for its weight, lower whoever is highest. Done one by one that
// takes as many steps as there are runners (up to 2^31, if a tally is wrong); so the common level is found first.

export interface Vessel {
  key: string;
  level: number;
  weight: number;
}

/** Raises levels by `amount` in all, lowest for its weight first, none above its limit. */
export function fill<V extends Vessel>(
  vessels: V[],
  amount: number,
  limit: (v: V) => number,
): void {
  if (amount <= 0) return;
  const at = (line: number, v: V) =>
    Math.max(v.level, Math.min(limit(v), Math.floor(line * v.weight)));
  const top = Math.max(0, ...vessels.map((v) => (limit(v) + 1) / v.weight));
  const line = searchLine(0, top, (l) => change(vessels, (v) => at(l, v)) <= amount);
  let left = amount - setLevels(vessels, (v) => at(line, v));
  while (left > 0) {
    const lowest = least(
      vessels.filter((v) => v.level < limit(v)),
      (v) => (v.level + 1) / v.weight,
    );
    if (!lowest) return;
    lowest.level++;
    left--;
  }
}

/** Lowers levels by `amount` in all, highest for its weight first, none below its limit. */
export function drain<V extends Vessel>(
  vessels: V[],
  amount: number,
  limit: (v: V) => number,
): void {
  if (amount <= 0) return;
  const at = (line: number, v: V) =>
    Math.min(v.level, Math.max(limit(v), Math.ceil(line * v.weight)));
  const top = Math.max(0, ...vessels.map((v) => v.level / v.weight));
  // The lowest line that takes no more than `amount`: searched from above.
  const depth = searchLine(0, top, (d) => change(vessels, (v) => at(top - d, v)) <= amount);
  let left = amount - setLevels(vessels, (v) => at(top - depth, v));
  while (left > 0) {
    const highest = least(
      vessels.filter((v) => v.level > limit(v)),
      // As the line counts: whose next step down is the highest.
      (v) => -(v.level - 1) / v.weight,
    );
    if (!highest) return;
    highest.level--;
    left--;
  }
}

/** The largest x in [from, to] for which `fits` holds, to the precision of a number; `fits(from)` holds. */
function searchLine(from: number, to: number, fits: (x: number) => boolean): number {
  if (fits(to)) return to;
  let [low, high] = [from, to];
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

function change<V extends Vessel>(vessels: V[], level: (v: V) => number): number {
  return vessels.reduce((all, v) => all + Math.abs(level(v) - v.level), 0);
}

function setLevels<V extends Vessel>(vessels: V[], level: (v: V) => number): number {
  const changed = change(vessels, level);
  for (const v of vessels) v.level = level(v);
  return changed;
}

/** The vessel with the smallest measure; the first by key among equals, so that equal input gives equal output. */
function least<V extends Vessel>(vessels: V[], measure: (v: V) => number): V | undefined {
  return vessels.toSorted((a, b) => measure(a) - measure(b) || (a.key < b.key ? -1 : 1)).at(0);
}
