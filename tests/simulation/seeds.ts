// Why: most mistakes in a distributed system show only in one interleaving of many. This plays the demo's scenario with
// faults, in virtual time, for many seeds; a seed that fails can be played again alone.
//
//   npm run seeds -- 50 [--seed 1] [--jobs 40] [--json]
import { parseArgs } from "node:util";
import { playSeed } from "@runlet/runlet/world/play-seed";
import type { Report } from "@runlet/runlet/world/report";

interface Flags {
  count: number;
  first: number;
  jobs: number;
  json: boolean;
}

const help = `seeds: the demo's scenario with faults, in virtual time, for N seeds

usage: npm run seeds -- N [--seed S] [--jobs N] [--json]

  N         how many seeds (default 10)
  --seed S  the first of them (default 1)
  --jobs N  jobs in each (default 40)
  --json    one JSON object on the last line of standard output
  --help    this text
`;

function usage(message: string): never {
  process.stderr.write(
    `seeds: ${message}; usage: npm run seeds -- N [--seed S] [--jobs N] [--json]\n`,
  );
  process.exit(2);
}

function readFlags(): Flags {
  const read = () => {
    try {
      return parseArgs({
        allowPositionals: true,
        options: {
          seed: { type: "string" },
          jobs: { type: "string" },
          json: { type: "boolean" },
          help: { type: "boolean", short: "h" },
        },
      });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      return usage(text.split(/\.(?: |\n|$)/)[0] ?? text);
    }
  };
  const { values, positionals } = read();
  if (values.help) {
    process.stdout.write(help);
    process.exit(0);
  }
  if (positionals.length > 1)
    return usage(`${positionals.slice(1).join(" ")}: one number is enough`);
  const whole = (name: string, text: string | undefined, otherwise: number) => {
    if (text === undefined) return otherwise;
    if (/^\d{1,9}$/.test(text)) return Number(text);
    return usage(`${name} ${text}: give a whole number`);
  };
  return {
    count: whole("N", positionals[0], 10),
    first: whole("--seed", values.seed, 1),
    jobs: whole("--jobs", values.jobs, 40),
    json: values.json ?? false,
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

async function main({ count, first, jobs, json }: Flags): Promise<number> {
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

process.exitCode = await main(readFlags());
