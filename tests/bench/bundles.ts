// Why: a cold start is read, parsed and run before a job can be looked at, so what a bundle weighs is paid by a waiting job.
import { spawn } from "node:child_process";
import { pathToFileURL } from "node:url";
import type { Bench } from "./bench.ts";
import {
  bundleFunction,
  functionNames,
  type FunctionName,
} from "@runlet/runlet/artifacts/bundle-function";
import type { Figure } from "./figures.ts";
import { median } from "./percentile.ts";

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
      for (let run = 0; run < runs; run++) times.push(await timeImport(path));
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

/** Milliseconds that a new process takes to import the file, without its own start. */
async function timeImport(path: string): Promise<number> {
  const url = JSON.stringify(pathToFileURL(path).href);
  const script = `const from = performance.now(); await import(${url}); console.log(performance.now() - from)`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (chunk) => (out += String(chunk)));
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(`${path} cannot be imported (exit ${String(code)})`);
  return Number(out);
}
