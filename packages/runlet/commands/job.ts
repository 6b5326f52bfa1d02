// Why: whoever asks about a job has the address of its workflow run in hand; this leads from there to one sentence.
import { parseConfigUrl } from "@runlet/actions-service/config-url";
import { quote, readFlags, UsageError, type Options } from "@runlet/runtime/flags";
import type { Command } from "../main.ts";
import { alignColumns } from "./align-columns.ts";
import { observeRun, type JobStatus, type RunStatus } from "./observe-job.ts";
import { openPlace, placeHelp } from "./place.ts";
import { toPlain } from "./to-plain.ts";
import { commonOptions } from "./verbs.ts";

const help = `runlet job: why a job waits, or what became of it, in words

usage: npx runlet job RUN_ID [JOB_NAME] [--scope URL] [--stage NAME | --state FILE] [--json]

RUN_ID is the number in the address of a workflow run, or that address. JOB_NAME is the job's name, or a part of it;
without it every job of the run is told, those that wait first.

Each job has one sentence, and below it who told what of it, and when (UTC):

  completed    with its result, how long it took, and the runner
  started      on which runner, and after how long
  starting     it is counted, and its runner ordered, made or on its way
  at-maximum   every runner that maxRunners allows has a job
  held-up      what is wrong with its scale set, and the remedy
  announced    the scale set knows of it and has not acquired it
  seen         a webhook told of it; GitHub has not assigned it

  --scope URL     only scale sets of this organisation, repository or enterprise; one that has no scale set any more
                  is looked at only if it is named
  --json          everything as one JSON object
${placeHelp}

Notes are kept for seven days.

Exit codes: 0 when it could be told, 2 for a mistake in the call, 1 for everything else, also for a run of which
nothing is noted.
`;

const options = { ...commonOptions, scope: { type: "string" } } as const satisfies Options;

export const jobCommand: Command = {
  summary: "why a job waits, in words",
  options,
  async run(args) {
    const { values, positionals } = readFlags(args, options, true);
    if (values.help) {
      process.stdout.write(help);
      return 0;
    }
    const [run, jobName, more] = positionals;
    if (more !== undefined) throw new UsageError(`${more} is too much; see --help`);
    const wanted = { runId: readRunId(run), jobName, scopeKey: readScope(values.scope) };
    const place = await openPlace(values);
    try {
      const found = await observeRun(place, wanted);
      process.stdout.write(`${values.json ? toJson(found) : describeRun(found)}\n`);
      return 0;
    } finally {
      place.close();
    }
  },
};

/** Of `https://github.com/acme/shop/actions/runs/123/job/456`, too. */
function readRunId(text: string | undefined): string {
  if (text === undefined) throw new UsageError("RUN_ID is missing; see --help");
  const [, id = text] = /^https?:\/\/[^\s?#]+\/actions\/runs\/(\d+)(?:[/?#]|$)/.exec(text) ?? [];
  if (/^\d{1,19}$/.test(id)) return BigInt(id).toString();
  throw new UsageError(
    `${quote(text.slice(0, 100))} is no workflow run: give the number in its address, …/actions/runs/NUMBER`,
  );
}

function readScope(url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  try {
    return parseConfigUrl(url).scopeKey;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`--scope: ${why}`, { cause });
  }
}

/** A run of GitHub's may have thousands of jobs. */
const jobsShown = 20;
const jobsInJson = 1_000;

function toJson(run: RunStatus): string {
  const jobs = sortJobs(run.jobs).slice(0, jobsInJson);
  return JSON.stringify({ ...run, jobs, jobsLeftOut: run.jobs.length - jobs.length });
}

function describeRun({ place, runId, jobs }: RunStatus): string {
  const shown = sortJobs(jobs).slice(0, jobsShown);
  const left = jobs.length - shown.length;
  const rest = left > 0 ? [`and ${left} more: name one, or take --json`] : [];
  return [`run ${runId}, ${place}`, ...shown.map(describeJob), ...rest].join("\n\n");
}

function sortJobs(jobs: readonly JobStatus[]): JobStatus[] {
  const rank = ({ answer }: JobStatus) => ["started", "completed"].indexOf(answer.state);
  return jobs.toSorted(
    (a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, "en", { numeric: true }),
  );
}

function describeJob({ name, answer, notes }: JobStatus): string {
  const lines = notes.map(({ what, at, by, scaleSet, scaleSetKey, runnerName, detail }) => {
    const time = at > 0 ? new Date(at).toISOString() : "time not known";
    return [`  ${time}`, what, by, scaleSet ?? scaleSetKey, runnerName, detail].map((cell) =>
      toPlain(cell ?? ""),
    );
  });
  return `${toPlain(name)}: ${answer.state}\n  ${toPlain(answer.words)}\n${alignColumns(lines)}`;
}
