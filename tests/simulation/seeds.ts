// Why: most mistakes in a distributed system show only in one interleaving of many. This plays the demo's scenario with
// faults, in virtual time, for many seeds; a seed that fails can be played again alone.
//
//   npm run seeds -- 50 [--seed 1] [--jobs 40] [--json]
import { playSeed } from "@runlet/runlet/world/play-seed";
import { readFlags, readInt, UsageError } from "@runlet/runtime/flags";
import type { Report } from "@runlet/runlet/world/report";

interface Flags {
  count: number;
  first: number;
  jobs: number;
  json: boolean;
  help: boolean;
}

const help = `seeds: the demo's scenario with faults, in virtual time, for N seeds

usage: npm run seeds -- N [--seed S] [--jobs N] [--json]

  N         how many seeds (default 10)
  --seed S  the first of them (default 1)
  --jobs N  jobs in each (default 40)
  --json    one JSON object on the last line of standard output
  --help    this text

Exit code 0 only if every seed ran every job and left nothing over; 2 for a mistake in the call.
`;

const options = {
  seed: { type: "string" },
  jobs: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

function parseFlags(args: string[]): Flags {
  const { values, positionals } = readFlags(args, options, true);
  const [count, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`${more.join(" ")}: one number is enough; see --help`);
  if (count !== undefined && !/^[1-9]\d{0,6}$/.test(count)) {
    throw new UsageError(`${count}: give a whole number of seeds, from 1`);
  }
  const seeds = { min: 0, max: 2 ** 31 - 1, default: 1 };
  return {
    count: Number(count ?? 10),
    first: readInt("seed", values.seed, seeds),
    jobs: readInt("jobs", values.jobs, { min: 1, max: 1_000, default: 40 }),
    json: values.json ?? false,
    help: values.help ?? false,
  };
}

/** What is wrong with a run; empty when nothing is. */
function findTroubles({ jobs, runners, sessions }: Report, afterDeath: string[]): string[] {
  return [
    ...(jobs.lost > 0 ? [`${jobs.lost} jobs lost`] : []),
    ...(runners.leftover > 0 ? [`${runners.leftover} things left over`] : []),
    ...(sessions.conflicts > 0 ? [`${sessions.conflicts} conflicts`] : []),
    ...(sessions.resumed === 0 ? ["no session was resumed"] : []),
    ...(afterDeath.length > 0 ? [`after a kill: ${afterDeath.slice(0, 3).join(", ")}`] : []),
  ];
}

async function playAll({ count, first, jobs, json }: Flags): Promise<number> {
  const started = performance.now();
  const failed: { seed: number; trouble: string }[] = [];
  for (let seed = first; seed < first + count; seed++) {
    // Modes and the unknown of the service alternate, so that every few seeds cover all four.
    const mode = seed % 2 === 0 ? "auto-assign" : "acquire";
    const assignWithoutSession = seed % 4 >= 2;
    const at = performance.now();
    try {
      const { report, afterDeath } = await playSeed({
        seed,
        mode,
        jobs,
        faults: true,
        assignWithoutSession,
      });
      const troubles = findTroubles(report, afterDeath);
      if (troubles.length > 0) failed.push({ seed, trouble: troubles.join(", ") });
    } catch (error) {
      failed.push({ seed, trouble: error instanceof Error ? error.message : String(error) });
    }
    const last = failed.at(-1);
    const words = last?.seed === seed ? `FAILED: ${last.trouble}` : "ok";
    process.stderr.write(
      `seed ${seed} (${mode}): ${words} (${Math.round(performance.now() - at)} ms)\n`,
    );
  }
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  const result = { seeds: count, failed, seconds };
  process.stdout.write(
    json
      ? `${JSON.stringify(result)}\n`
      : `${count - failed.length} of ${count} seeds ok in ${seconds} s\n`,
  );
  return failed.length === 0 ? 0 : 1;
}

async function main(args: string[]): Promise<number> {
  try {
    const flags = parseFlags(args);
    if (!flags.help) return await playAll(flags);
    process.stdout.write(help);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`seeds: ${error.message}\n`);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
