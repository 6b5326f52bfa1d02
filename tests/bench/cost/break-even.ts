// Why: Runlet is not the cheapest way for everybody; from where on it is, is worth a figure. Pure arithmetic over measured bills.
import type { Figure } from "../figures.ts";
import { priceContainer, priceListener } from "./alternatives.ts";
import type { Life } from "./fleets.ts";

/** A fleet's dollars a month, by what it uses. */
export interface PricedFleet {
  scaleSets: number;
  life: Life;
  dollars: number;
  /** Custom metrics, which do not grow with the fleet. */
  metrics: number;
}

/** `fixed`: dollars a month of a stage with nothing to serve. */
export function listBreakEven(fixed: number, fleets: readonly PricedFleet[]): Figure[] {
  const of = (life: Life) =>
    fleets.filter((one) => one.life === life).toSorted((a, b) => a.scaleSets - b.scaleSets);
  const quiet = of("quiet");
  const [few, many, resting] = [quiet[0], quiet.at(-1), of("resting").at(-1)];
  if (!few || !many || !resting) return [];
  const grows = few === many ? 0 : (many.dollars - few.dollars) / (many.scaleSets - few.scaleSets);
  const atNone = few.dollars - grows * few.scaleSets;
  const whole = fixed + few.metrics + atNone;
  const { memory, pod } = priceListener();
  const setsFrom = (listener: number) => Math.ceil(whole / (listener - grows));
  const { task } = priceContainer();
  const awake = (task - resting.dollars) / (many.dollars - resting.dollars);
  const hours = Math.max(0, Math.min(24, 24 * awake));
  const count = (what: string, value: number): Figure => ({ what, value, unit: "count" });
  return [
    count(
      "cheaper than ARC's listeners with 40 MB each, stage included, from so many sets",
      setsFrom(memory),
    ),
    count("cheaper than ARC's listeners with a pod's place each, from so many sets", setsFrom(pod)),
    count(
      `${many.scaleSets} sets, cheaper than one container while awake for so many hours a day`,
      Math.round(hours * 10) / 10,
    ),
  ];
}
