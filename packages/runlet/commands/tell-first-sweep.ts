// Why: until the first sweep has ended nothing is served, and who has just started `runlet local` waits for that. A sweep only
// knows that a cluster could not be asked; whether it is down or refuses our account is another thing to mend.
import type { SweepReport } from "@runlet/control-plane/sweep/run-sweep";
import { count } from "./count.ts";

export interface FirstSweepDeps {
  say(line: string): void;
  /** A sentence on why a cluster could not be asked; undefined: it answers now, or is not known. */
  explain(cluster: string): Promise<string | undefined>;
}

/** Takes what each sweep has answered; says once what the first one has found, and then why clusters were silent. */
export function tellFirstSweep(
  { say, explain }: FirstSweepDeps,
  clustersCount: number,
): (answer: string) => Promise<void> {
  let told = false;
  return async (answer) => {
    if (told) return;
    told = true;
    const { scaleSets, silentClusters } = JSON.parse(answer) as SweepReport; // our own function's answer
    const without = silentClusters.length === 0 ? "" : `, but not in ${silentClusters.join(", ")}`;
    say(
      `serving ${count(scaleSets, "scale set")} in ${count(clustersCount, "cluster")}${without}; ` +
        "looking again each minute, Ctrl-C ends it",
    );
    const sentences = await Promise.all(silentClusters.map(explain));
    for (const sentence of sentences) if (sentence !== undefined) say(sentence);
  };
}
