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

export interface FixedCost {
  /** Dollars a month of a stage with nothing to serve. */
  stage: number;
  /**
   * What of it a container does without: the key and the sweeps. It needs the same secrets, and its alarms cost what they
   * cost anywhere.
   */
  functionsOnly: number;
}

export function listBreakEven(fixed: FixedCost, fleets: readonly PricedFleet[]): Figure[] {
  const of = (life: Life) =>
    fleets.filter((one) => one.life === life).toSorted((a, b) => a.scaleSets - b.scaleSets);
  const quiet = of("quiet");
  const [few, many] = [quiet[0], quiet.at(-1)];
  if (!few || !many) return [];
  const grows = few === many ? 0 : (many.dollars - few.dollars) / (many.scaleSets - few.scaleSets);
  const atNone = few.dollars - grows * few.scaleSets;
  const whole = fixed.stage + few.metrics + atNone;
  const { memory, pod } = priceListener();
  const setsFrom = (listener: number) => Math.ceil(whole / (listener - grows));
  const count = (what: string, value: number): Figure => ({ what, value, unit: "count" });
  return [
    count(
      "cheaper than ARC's listeners with 40 MB each, stage included, from so many sets",
      setsFrom(memory),
    ),
    count("cheaper than ARC's listeners with a pod's place each, from so many sets", setsFrom(pod)),
    ...of("resting").flatMap((resting) => {
      const awake = quiet.find(({ scaleSets }) => scaleSets === resting.scaleSets);
      if (!awake) return [];
      return count(
        `${awake.scaleSets} sets, cheaper than one container while awake for so many hours a day`,
        hoursAwake(fixed.functionsOnly, awake, resting),
      );
    }),
  ];
}

/** Of a day, until the functions cost as much as one container. */
function hoursAwake(functionsOnly: number, awake: PricedFleet, resting: PricedFleet): number {
  const left = priceContainer().task - functionsOnly - resting.dollars;
  const hours = (24 * left) / (awake.dollars - resting.dollars);
  return Math.round(Math.max(0, Math.min(24, hours)) * 10) / 10;
}
