import { describe, expect, it } from "vitest";
import { tellFirstSweep } from "./tell-first-sweep.ts";

const report = (scaleSets: number, silentClusters: string[]) =>
  JSON.stringify({ scaleSets, silentClusters, woken: [], redelivered: 0 });

async function tell(...reports: string[]) {
  const said: string[] = [];
  const explain = async (cluster: string) =>
    cluster === "east" ? "cluster east refuses our account" : undefined;
  const take = tellFirstSweep({ say: (line) => said.push(line), explain }, 2);
  for (const one of reports) await take(one);
  return said;
}

describe("what runlet local says of its first sweep", () => {
  it("is how much is served, once", async () => {
    expect(await tell(report(1, []), report(3, ["east"]))).toEqual([
      "serving 1 scale set in 2 clusters; looking again each minute, Ctrl-C ends it",
    ]);
  });

  it("names the clusters that are left out, each with its reason where there is one", async () => {
    expect(await tell(report(0, ["east", "west"]))).toEqual([
      "serving 0 scale sets in 2 clusters, but not in east, west; looking again each minute, Ctrl-C ends it",
      "cluster east refuses our account",
    ]);
  });
});
