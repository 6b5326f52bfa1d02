// Why: a resting shard has closed its sessions. Nobody outside of GitHub knows whether a scale set that nobody listens to is
// assigned jobs, or announced them, and whether it is kept at all; so rest is off until this has been answered.
import type { Statistics } from "@runlet/domain/statistics";
import { UsageError } from "@runlet/runtime/flags";
import { judge, type CheckRun, type Finding, type LiveCheck } from "./live-check.ts";
import {
  describe,
  githubNeeds,
  must,
  withScratchScaleSet,
  type Scratch,
} from "./scratch-scale-set.ts";

export const sessionLess: LiveCheck = {
  name: "session-less",
  asks: "Is a scale set without a session assigned jobs?",
  does: [
    "makes a scale set and opens no session",
    "asks you to queue a job for it, and looks at the scale set's statistics every 5 s",
    "opens a session, and looks whether the job is in its statistics, or in the first poll",
    "closes the session and deletes the scale set; the job is yours to cancel",
  ],
  needs: githubNeeds,
  takes: { RUNLET_LIVE_WAIT_S: "how long to wait for the job, in seconds (default 300)" },
  run: async (run) => {
    const waitMs = readWaitMs(run);
    return withScratchScaleSet(run, (scratch) => look(run, scratch, waitMs));
  },
};

/** Throws UsageError, before anything is made. */
function readWaitMs(run: CheckRun): number {
  const text = run.option("RUNLET_LIVE_WAIT_S") || "300";
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text) * 1_000;
  throw new UsageError(`RUNLET_LIVE_WAIT_S is ${text}: give whole seconds, from 1 to 99999`);
}

async function look(run: CheckRun, scratch: Scratch, waitMs: number): Promise<Finding[]> {
  const { service, id, name } = scratch;
  run.tell(`queue a job with "runs-on: ${name}" now`);
  const seen = await waitForJob(run, scratch, waitMs);
  const opened = must(await service.createSession(id, "runlet-live"), "opening a session");
  const atOnce = count(opened.statistics);
  const polled = await service.poll(opened, { lastMessageId: 0, maxCapacity: 1 });
  const inPoll = polled.ok ? count(polled.value?.statistics) : undefined;
  await service.deleteSession(id, opened.sessionId);
  const [first, then] = [seen ?? "nothing", atOnce ?? "nothing"];
  const reached = "a job reaches the scale set at all";
  if (!(seen ?? atOnce ?? inPoll))
    return [{ assumption: reached, verdict: "open", seen: "no job came: was one queued?" }];
  return [
    judge("the statistics show the job before there is a session", seen !== undefined, first),
    judge("the job is there when a session is opened", atOnce !== undefined, then),
    judge(reached, true, inPoll ?? then),
  ];
}

/** In words; undefined: no job. */
function count(statistics: Statistics | undefined): string | undefined {
  const { totalAvailableJobs = 0, totalAssignedJobs = 0 } = statistics ?? {};
  if (totalAvailableJobs + totalAssignedJobs === 0) return undefined;
  return `${totalAvailableJobs} available, ${totalAssignedJobs} assigned`;
}

async function waitForJob(
  run: CheckRun,
  { service, id }: Scratch,
  waitMs: number,
): Promise<string | undefined> {
  const { clock } = run;
  const until = clock.nowMs() + waitMs;
  while (clock.nowMs() < until) {
    const set = await service.findScaleSetById(id);
    if (!set.ok) run.tell(`asking for the scale set: ${describe(set)}`);
    const found = set.ok ? count(set.value?.statistics) : undefined;
    if (found !== undefined) return found;
    await clock.sleep(5_000);
  }
  return undefined;
}
