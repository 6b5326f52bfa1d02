// Why: one command says who serves what and what is wrong, wherever Runlet runs.
import { readFlags, UsageError } from "@runlet/runtime/flags";
import type { Command } from "../main.ts";
import { alignColumns } from "./align-columns.ts";
import { count } from "./count.ts";
import {
  observeStatus,
  type ScaleSetStatus,
  type ShardStatus,
  type Status,
} from "./observe-status.ts";
import { openPlace, placeHelp } from "./place.ts";
import { commonOptions } from "./verbs.ts";

const help = `runlet status: who serves what, and whether all is well

usage: npx runlet status [SCALE-SET] [--stage NAME | --state FILE] [--json]

For each shard: its holder, fence and the age of its heartbeat (watched for: a dead one takes a lease's length).
For each scale set: one word of health with its reason, the session's age, when the last poll brought something,
jobs, and the runners that there should be and are, by cluster.

  served              all is as it should be
  resting             quiet: sessions closed until a webhook or a look
  scaling             runners are being made, or those that are too many end
  draining            its clusters are being removed
  degraded            GitHub, a cluster or a reconciler does not answer or act, or the reconciler says what is wrong
  unserved            nobody polls for it; where nothing runs at all, what to type
  no-session          the service gives none
  no-credential       none is registered, or it cannot be read
  credential-refused  GitHub does not take it (it is asked now)
  foreign             another installation's
  not-registered      an AutoscalingRunnerSet that is no scale set yet, with the reason

  --json          everything as one JSON object
${placeHelp}

Exit codes: 0 when it could be told, 2 for a mistake in the call, 1 for everything else.
`;

export const statusCommand: Command = {
  summary: "who serves what, and whether all is well",
  options: commonOptions,
  async run(args) {
    const { values, positionals } = readFlags(args, commonOptions, true);
    if (values.help) {
      process.stdout.write(help);
      return 0;
    }
    const [wanted, more] = positionals;
    if (more !== undefined) throw new UsageError(`${more} is too much; see --help`);
    const place = await openPlace(values);
    try {
      const status = await observeStatus(place, wanted);
      process.stdout.write(`${values.json ? JSON.stringify(status) : describeStatus(status)}\n`);
      return 0;
    } finally {
      place.close();
    }
  },
};

function describeStatus(status: Status) {
  const { place, stopped, shards, scaleSets, unregistered, silentClusters } = status;
  const known = scaleSets.length === 0 ? `${place}: no scale set is known yet` : place;
  const sets = scaleSets.flatMap((set) => [describeSet(set), ...set.targets.map(describeTarget)]);
  const others = unregistered.map(({ name, target, reason }) => [
    name,
    "not-registered",
    `${target}: ${reason}`,
  ]);
  const silent = silentClusters.map(({ reason }) => `! ${reason}`);
  return [
    [known, stopped ?? []].flat().join("\n"),
    alignColumns(shards.map(describeShard)),
    alignColumns(sets),
    alignColumns(others),
    silent.join("\n"),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function describeShard({ shard, state, holder, fence, leaseAgeMs, scaleSets }: ShardStatus) {
  const age = describeAge(leaseAgeMs);
  const says = {
    alive: `served by ${holder}, heartbeat less than ${age} old`,
    silent: `its holder ${holder} has been silent for ${age}`,
    released: "given up, to be taken by the next",
    resting: "resting",
    none: "never served",
  }[state];
  return [shard, count(scaleSets, "scale set"), `fence ${fence ?? "none"}`, says];
}

function describeSet({ name, health, sessionAgeMs, lastNewsMs, assigned }: ScaleSetStatus) {
  const session =
    sessionAgeMs === undefined ? "no session" : `session ${describeAge(sessionAgeMs)}`;
  const news = lastNewsMs === undefined ? "no news" : `news ${describeAge(lastNewsMs)} ago`;
  return [name, health.word, count(assigned, "job"), session, news, health.reason];
}

function describeTarget({
  target,
  desired,
  actual,
  busy,
  draining,
}: ScaleSetStatus["targets"][number]) {
  const runners = `${actual ?? "?"} of ${desired} runners`;
  return [`  ${target}`, draining ? "draining" : "", runners, `${busy ?? "?"} busy`];
}

function describeAge(ms: number): string {
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}
