// Why: a cold start is read, parsed and run before a job can be looked at, so what a bundle weighs is paid by a waiting job.
import type { Bench } from "./bench.ts";
import {
  bundleFunction,
  functionNames,
  type FunctionName,
} from "@runlet/runlet/artifacts/bundle-function";
import type { Figure } from "./figures.ts";
import { median } from "./percentile.ts";
import { startBundle } from "./start-bundle.ts";

const barsMb: Record<FunctionName, number> = { webhook: 0.15, poller: 1.5, sweep: 1.5 };

export const bundles: Bench = {
  summary: "bytes of the three functions' bundles, and what importing them takes",
  async run({ home, small, say }) {
    const runs = small ? 1 : 9;
    const figures: Figure[] = [];
    const measured: Partial<Record<FunctionName, { bytes: number; importMs: number }>> = {};
    for (const name of functionNames) {
      say(`bundling and importing the ${name}`);
      const { path, bytes } = await bundleFunction(name, home);
      const times: number[] = [];
      for (let run = 0; run < runs; run++) times.push((await startBundle(path)).importMs);
      const importMs = median(times);
      measured[name] = { bytes, importMs: Math.round(importMs * 10) / 10 };
      const bar = barsMb[name];
      figures.push({ what: `${name}: the bundle`, value: bytes / 1e6, unit: "MB", bar });
      figures.push({ what: `${name}: its import, the median`, value: importMs, unit: "ms" });
    }
    return {
      settings: "minified by esbuild with SST's options, as deployed",
      varied: `each imported in ${runs} fresh processes of this machine, at full speed`,
      figures,
      json: { bundles: measured },
    };
  },
};
