// Why: a job may wait for a cold start, and Lambda gives CPU by memory, so a small function starts slowly. This is what the
// three bundles need, and what becomes of it at the shares of 256, 512 and 1,024 MB.
import {
  bundleFunction,
  functionNames,
  type FunctionName,
} from "@runlet/runlet/artifacts/bundle-function";
import type { Bench } from "./bench.ts";
import { cpuShare } from "./cost/cpu-times.ts";
import type { Figure } from "./figures.ts";
import { createLimitedNode } from "./limited-node.ts";
import { median } from "./percentile.ts";
import { startBundle } from "./start-bundle.ts";

const sizesMb = [256, 512, 1_024] as const;
/** Milliseconds of a core that an import may take. */
const cpuBars: Record<FunctionName, number> = { webhook: 60, poller: 150, sweep: 150 };

export const coldStart: Bench = {
  summary: "the start of each bundle: CPU, and how long it takes at 256, 512, 1,024 MB",
  async run({ home, small, say }) {
    const runs = small ? 1 : 7;
    const figures: Figure[] = [];
    const starts: Partial<Record<FunctionName, object>> = {};
    let isHeld = true;
    for (const name of functionNames) {
      say(`starting the ${name}`);
      const { path } = await bundleFunction(name, home);
      const free = await repeat(runs, () => startBundle(path));
      const importCpuMs = median(free.map((one) => one.importCpuMs));
      const cpuMs = median(free.map((one) => one.cpuMs));
      figures.push(
        { what: `${name}: CPU of its import`, value: importCpuMs, unit: "ms", bar: cpuBars[name] },
        { what: `${name}: CPU of its start, Node's own included`, value: cpuMs, unit: "ms" },
      );
      const startMs: Record<number, number> = {};
      for (const size of sizesMb) {
        const limits = { cpuShare: cpuShare(size), memoryMb: size };
        const node = createLimitedNode(limits, home);
        isHeld &&= node !== undefined;
        const held = node && (await repeat(runs, () => startBundle(path, node.path)));
        node?.remove();
        const value = held ? median(held.map((one) => one.wallMs)) : cpuMs / cpuShare(size);
        startMs[size] = Math.round(value);
        figures.push({ what: `${name}: its start with ${size} MB`, value, unit: "ms" });
      }
      starts[name] = { importCpuMs: round(importCpuMs), cpuMs: round(cpuMs), startMs };
    }
    return {
      settings: isHeld
        ? "a control group gives the process its memory, and its share of a core: memory / 1,769 MB"
        : "no control group can be made here: CPU divided by the share of a core, memory / 1,769 MB",
      varied: `${runs} fresh processes each, nothing compiled before; Lambda's own share of a start is not in it`,
      figures,
      json: { coldStart: starts },
    };
  },
};

async function repeat<T>(times: number, run: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let time = 0; time < times; time++) results.push(await run());
  return results;
}

const round = (value: number) => Math.round(value * 10) / 10;
