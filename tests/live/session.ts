// Why: the poller lives on what a message session is known to do: one a scale set, resumed by its id, its poll ended by the
// next one. All of it comes from reading public clients.
import type { ActionsService, MessageSession, Outcome } from "@runlet/actions-service/service";
import { judge, type CheckRun, type Finding, type LiveCheck } from "./live-check.ts";
import {
  describe,
  githubNeeds,
  must,
  withScratchScaleSet,
  type Scratch,
} from "./scratch-scale-set.ts";

export const session: LiveCheck = {
  name: "session",
  asks: "Does a message session do what the poller builds on?",
  does: [
    "makes a scale set, opens a session, tries to open a second one",
    "polls until the service ends the poll by itself (about 50 s)",
    "refreshes the session while a poll is open, polls with the new token, and sees how the first poll ends",
    "deletes a message that does not exist",
    "with RUNLET_LIVE_LAPSE=1: leaves the session alone and tries every 5 s to open another (up to 5 minutes)",
    "closes the session and deletes the scale set",
  ],
  needs: githubNeeds,
  takes: { RUNLET_LIVE_LAPSE: "1: also measure how long an abandoned session locks its scale set" },
  run: (run) => withScratchScaleSet(run, (scratch) => look(run, scratch)),
};

async function look(run: CheckRun, scratch: Scratch): Promise<Finding[]> {
  const { service, id } = scratch;
  const opened = must(await service.createSession(id, "runlet-live"), "opening a session");
  let last = opened;
  const findings: Finding[] = [];
  const found = (...more: Finding[]) => findings.push(...more);
  try {
    const statistics = opened.statistics === undefined ? "none" : "there";
    found(judge("a session's answer carries statistics", statistics === "there", statistics));
    found(await secondSession(scratch));
    found(...(await quietPoll(run, service, opened)));
    const { session: renewed, findings: more } = await handOver(run, scratch, opened);
    last = renewed;
    found(...more);
    const absent = await service.acknowledge(last, 999_999_999);
    const words = describe(absent);
    found(judge("deleting an unknown message is no error", absent.ok, words));
  } finally {
    if (run.option("RUNLET_LIVE_LAPSE") !== "1") await service.deleteSession(id, last.sessionId);
  }
  if (run.option("RUNLET_LIVE_LAPSE") === "1") found(await lapse(run, scratch));
  return findings;
}

async function secondSession({ service, id }: Scratch): Promise<Finding> {
  const second = await service.createSession(id, "runlet-live-2");
  if (second.ok) await service.deleteSession(id, second.value.sessionId);
  const refused = !second.ok && second.failure.reason === "session-conflict";
  return judge("a second session is refused with 409", refused, describe(second));
}

async function quietPoll(
  { clock, tell }: CheckRun,
  service: ActionsService,
  session: MessageSession,
) {
  tell("polling until the service ends the poll …");
  const startedAt = clock.nowMs();
  const outcome = await service.poll(session, { lastMessageId: 0, maxCapacity: 1 });
  const seconds = Math.round((clock.nowMs() - startedAt) / 1_000);
  const quiet = outcome.ok && outcome.value === undefined;
  return [
    judge("a poll without a message ends by itself, without an error", quiet, describe(outcome)),
    judge("it is held for less than the poller's 65 s", quiet && seconds < 65, `${seconds} s`),
  ];
}

/** As at a hand-over: the successor resumes the session by its id and polls while the holder's poll is open. */
async function handOver({ clock }: CheckRun, { service, id }: Scratch, before: MessageSession) {
  const at = { lastMessageId: 0, maxCapacity: 1 };
  const startedAt = clock.nowMs();
  const old = service.poll(before, at).then((outcome) => ({ outcome, at: clock.nowMs() }));
  await clock.sleep(2_000);
  const refreshed = await service.refreshSession(id, before.sessionId);
  const session = refreshed.ok ? refreshed.value : before;
  const abort = new AbortController();
  const resumedAt = clock.nowMs();
  const next = service.poll(session, at, { signal: abort.signal }).catch(() => undefined);
  const enough = clock.sleep(10_000, abort.signal).catch(() => {});
  const ended = await Promise.race([old, enough.then(() => undefined)]);
  abort.abort(new Error("seen enough"));
  await next;
  const sameId = refreshed.ok && session.sessionId === before.sessionId;
  const how = ended
    ? `${describe(ended.outcome)}, ${ended.at - resumedAt} ms after the second poll began`
    : `still open ${Math.round((clock.nowMs() - startedAt) / 1_000)} s after it began`;
  const findings = [
    judge("a session is resumed by its id while a poll is open", sameId, describe(refreshed)),
    judge("a second poll ends the first, as if it were empty", isQuiet(ended?.outcome), how),
  ];
  return { session, findings };
}

function isQuiet(outcome: Outcome<unknown> | undefined): boolean {
  return outcome?.ok === true && outcome.value === undefined;
}

async function lapse({ clock, tell }: CheckRun, { service, id }: Scratch): Promise<Finding> {
  const startedAt = clock.nowMs();
  const assumption = "an abandoned session lapses within 60 to 100 s";
  const seconds = () => Math.round((clock.nowMs() - startedAt) / 1_000);
  while (seconds() < 300) {
    tell(`waiting for the session to lapse: ${seconds()} s`);
    const outcome = await service.createSession(id, "runlet-live");
    if (outcome.ok) {
      await service.deleteSession(id, outcome.value.sessionId);
      return judge(assumption, seconds() >= 55 && seconds() <= 100, `${seconds()} s`);
    }
    await clock.sleep(5_000);
  }
  return judge(assumption, false, "not within 300 s");
}
