// Why: a stranger types `npm run demo` and sees Runlet do its whole job on embedded defaults.
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSystemRandom } from "@runlet/runtime/random";
import { untilStopped } from "@runlet/runtime/until-stopped";
import { isPlainTerminal, readHome } from "@runlet/runtime/settings-environment";
import type { Command } from "../main.ts";
import { play, PlayTimeout } from "../world/play.ts";
import { reportOn, type Report } from "../world/report.ts";
import { createDisplay } from "./demo-display.ts";
import { renderSummary } from "./demo-summary.ts";
import { describeTimeout } from "./describe-timeout.ts";
import { openWorld } from "./open-world.ts";
import { playOptions, readPlayFlags, type PlayFlags } from "./play-flags.ts";
import { queueCommand } from "./queue.ts";

const help = `runlet demo: play a workload of jobs through the whole system, on this machine

usage: npm run demo -- [--jobs N] [--scale-sets N] [--clusters N] [--mode M] [--seed S]
                           [--faults] [--artifacts] [--json]
       npx runlet demo queue --scale-set NAME --jobs N     more jobs for the world that \`npm start\` runs

  --jobs N        jobs to queue (default 40)
  --scale-sets N  runner scale sets (default 3): the first on all clusters, the second with minRunners 1,
                  the third and later ones rest between jobs
  --clusters N    clusters, each with its own API server, nodes and reconciler (default 2)
  --mode M        acquire (GitHub Enterprise Server) or auto-assign (github.com); default acquire
  --seed S        repeats a run's plan; printed at the start
  --faults        kill, freeze and cut while the jobs run
  --artifacts     the functions as bundles for AWS, as they are deployed, with DynamoDB Local and moto for AWS, one
                  cluster of EKS, the others registered by kubeconfig, and GitHub over TLS; needs Java 17 and
                  Python 3.10 with venv, installs both emulators once (a minute) into ~/.cache/runlet
  --json          one JSON object on the last line of standard output

Exit code 0 only if every job ran and nothing was left over; 130 after Ctrl-C, 2 for a mistake in the call.
`;

export const demoCommand: Command = {
  summary: "play a workload of jobs through the whole system, on this machine",
  options: playOptions.demo,
  async run(args) {
    if (args[0] === "queue") return queueCommand.run(args.slice(1));
    const seed = createSystemRandom().int(1_000_000);
    const flags = readPlayFlags(args, "demo", seed);
    if (flags.help) {
      process.stdout.write(help);
      return 0;
    }
    return demo(flags);
  },
};

/** Faults make a run longer; a run that is this late will not end. */
const limitMs = 90_000;
const stopLimitMs = 5_000;

async function demo(flags: PlayFlags): Promise<number> {
  const clock = createSystemClock();
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const startedAt = clock.nowMs();
  const interrupted = untilStopped().then(() => "interrupted" as const);
  const told = (line: string) => say(`runlet demo: ${line}`);
  const opening = openWorld({ clock, say: told }, flags, join(readHome(), "demo"));
  // What is half open ends with the process.
  if ((await Promise.race([opening, interrupted])) === "interrupted") return stopEarly(say);
  const opened = await opening;
  const { world, plan } = opened;
  const live = process.stderr.isTTY === true && !isPlainTerminal();
  const display = createDisplay(
    { write: (text) => void process.stderr.write(text), live },
    world,
    plan,
  );
  say(`runlet demo: ${describe(flags)}`);
  const played = play(world, plan, {
    limitMs,
    onProgress: (phase) => display.show(phase),
    onFault: (fault, what) => display.fault(fault, what),
  }).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
  const outcome = await Promise.race([played, interrupted]);
  display.end();
  const machine = { load: loadavg()[0] ?? 0, cores: availableParallelism() };
  const report = reportOn(world, plan, Math.round((clock.nowMs() - startedAt) / 100) / 10);
  if (outcome === "interrupted") stopEarly(say);
  // What is still planned (jobs, faults) ends with the process.
  await Promise.race([opened.stop(), clock.sleep(stopLimitMs)]);
  if (outcome === "interrupted") return 130;
  if (outcome !== undefined && !(outcome instanceof PlayTimeout)) throw outcome;
  if (outcome instanceof PlayTimeout) told(describeTimeout(outcome.message, machine));
  process.stdout.write(flags.json ? `${JSON.stringify(report)}\n` : renderSummary(report, plan));
  return isClean(report) && outcome === undefined ? 0 : 1;
}

/** The exit code after Ctrl-C. */
function stopEarly(say: (line: string) => void): number {
  say("runlet demo: stopping");
  return 130;
}

function describe(flags: PlayFlags): string {
  const { jobs, scaleSets, clusters, mode, seed, faults, artifacts } = flags;
  const plural = (n: number, word: string) => `${n} ${word}${n === 1 ? "" : "s"}`;
  return (
    `${plural(jobs, "job")}, ${plural(scaleSets, "scale set")}, ${plural(clusters, "cluster")}, ` +
    `${mode} mode, ${faults ? "with faults" : "no faults"}, ` +
    `${artifacts ? "the bundles for AWS, " : ""}seed ${seed}`
  );
}

function isClean({ jobs, runners, sessions }: Report): boolean {
  return jobs.lost === 0 && runners.leftover === 0 && sessions.conflicts === 0;
}
