// Why: the list of mistakes. Each is one textual change and the test, by file and full name, that must fail with it.
import { cloudMutants } from "./cloud-mutants.ts";
import { commandMutants } from "./command-mutants.ts";
import { leavingMutants } from "./leaving-mutants.ts";
import { runnerMutants } from "./runner-mutants.ts";
import { runnerSetMutants } from "./runner-set-mutants.ts";
import { sweepMutants } from "./sweep-mutants.ts";

export interface Mutant {
  name: string;
  /** File that is changed. */
  in: string;
  /** Stands exactly once in that file. */
  find: string;
  replace: string;
  /** Test file (a vitest filter) and test (full name or a part that only it has). */
  file: string;
  test: string;
}

const poller = "packages/control-plane/poller";
const coordination = "packages/coordination";
const placing = "packages/domain/place-runners";
const stories = "tests/stories/poller";
const sharper = "tests/stories/mutants";

export const mutants: Mutant[] = [
  {
    name: "acknowledge before acting",
    in: `${poller}/turn.ts`,
    find: "  await applyPlan(shard, set, looked.views, plan);\n",
    replace:
      "  if (message) set.unacknowledged = message.messageId;\n" +
      "  if (message) await acknowledge(shard, set);\n" +
      "  await applyPlan(shard, set, looked.views, plan);\n",
    file: `${stories}/hand-over.test.ts`,
    test: "its message is acted on by the successor",
  },
  {
    name: "checkpoint before acting",
    in: `${poller}/turn.ts`,
    find: "  await applyPlan(shard, set, looked.views, plan);\n",
    replace:
      "  if (message) await save(shard, set, cursorAfter(message));\n" +
      "  await applyPlan(shard, set, looked.views, plan);\n",
    file: `${stories}/kill.test.ts`,
    test: "(auto-assign) > leaves no runner unmarked",
  },
  {
    name: "checkpoint after acknowledging",
    in: `${poller}/turn.ts`,
    find: "  if (message) await save(shard, set, cursorAfter(message));\n",
    replace:
      "  if (message) set.unacknowledged = message.messageId;\n" +
      "  if (message) await acknowledge(shard, set);\n" +
      "  if (message) await save(shard, set, cursorAfter(message));\n",
    file: `${stories}/kill.test.ts`,
    test: "(auto-assign) > leaves what a silent cluster is owed",
  },
  {
    name: "lease as long as the run",
    in: "packages/runtime/settings.ts",
    find: "  leaseMs: 15_000,",
    replace: "  leaseMs: 900_000,",
    file: `${stories}/take-over.test.ts`,
    test: "(acquire) > whoever the platform tells takes over",
  },
  {
    name: "session not saved at once",
    in: `${poller}/keep-session.ts`,
    find: "    await saveWhileHeld(shard, set);\n",
    replace: "",
    file: `${stories}/kill.test.ts`,
    test: "(acquire) > orphans the session at most until it lapses",
  },
  {
    name: "session thrown away when it could not be saved at once",
    in: `${poller}/keep-session.ts`,
    find: "const attempts = 20;",
    replace: "const attempts = 0;",
    file: `${stories}/outage.test.ts`,
    test: "(acquire) > for three seconds at whatever put",
  },
  {
    name: "session that could not be saved not given back",
    in: `${poller}/keep-session.ts`,
    find: "    if (isNew) await giveBack(shard, set, session);\n",
    replace: "",
    file: `${stories}/outage.test.ts`,
    test: "(acquire) > longer than is left of the lease, 11000 ms",
  },
  {
    name: "possible orphan forgotten by the next attempt",
    in: `${poller}/serve-scale-set.ts`,
    find: "    set.orphanPossible ||= last?.orphanPossible ?? false;\n",
    replace: "",
    file: `${stories}/outage.test.ts`,
    test: "(acquire) > and the session cannot be given back either",
  },
  {
    name: "one bad row stops every shard",
    in: `${coordination}/registry.ts`,
    find: "    if (!parsed.success) tellUnreadable(row, parsed.error);\n",
    replace: "    if (!parsed.success) throw parsed.error;\n",
    file: `${coordination}/registry.test.ts`,
    test: "one row with nonsense in it leaves the others served",
  },
  {
    name: "a superseded poll taken as quiet",
    in: `${poller}/turn.ts`,
    find: '  if (happening.occasion === "empty-poll" && decided) await beSureOfQuiet(shard, set);\n',
    replace: "",
    file: `${stories}/take-over.test.ts`,
    test: "(acquire) > a poll that the next holder's poll has ended",
  },
  {
    name: "a superfluous waiter stays",
    in: `${coordination}/take-lease.ts`,
    find: "seen.isServed || ",
    replace: "",
    file: `${coordination}/lease.test.ts`,
    test: "whoever is no successor leaves as soon as the lease moves",
  },
  {
    name: "patchID restarts at 0",
    in: `${poller}/scale-set.ts`,
    find: "{ ...target, ...untried }",
    replace: "{ ...target, ...untried, sequence: 0 }",
    file: `${stories}/take-over.test.ts`,
    test: "(acquire) > the next one's numbers go on above the last",
  },
  {
    name: "fence not compared",
    in: `${poller}/decide-fence.ts`,
    find: '      : { op: "test", path: pointer(annotations.fence), value: fence },',
    replace: '      : { op: "test", path: "/metadata/uid", value: seen.uid },',
    file: `${stories}/take-over.test.ts`,
    test: "(acquire) > a frozen holder that wakes late",
  },
  {
    name: "desired counted from events",
    in: `${poller}/turn.ts`,
    find: "planTurn(happening.occasion, statisticsOf(set), looked.plannable(completed))",
    replace:
      "planTurn(happening.occasion, { ...statisticsOf(set), " +
      'totalAssignedJobs: count(news, "JobAssigned") }, looked.plannable(completed))',
    file: `${stories}/jobs.test.ts`,
    test: "(acquire) > whose message an earlier listener deleted",
  },
  {
    name: "whole share moved from a dead cluster",
    in: "packages/domain/place-runners.ts",
    find: "toCount(demand.totalAssignedJobs) - elsewhere)",
    replace: "toCount(demand.totalAssignedJobs) - 0 * elsewhere)",
    file: `${stories}/clusters.test.ts`,
    test: "(acquire) > one of them refuses connections",
  },
  {
    name: "patch on every empty poll",
    in: "packages/domain/patch-pair.ts",
    find: 'occasion === "empty-poll" && died ?',
    replace: 'occasion === "empty-poll" && (died || true) ?',
    file: `${stories}/jobs.test.ts`,
    test: "writes nothing to its cluster in an hour",
  },
  {
    name: "wake flag read before the release",
    in: `${poller}/rest.ts`,
    find: '  const released = await shard.lease.release({ state: "resting", lookDueAt });',
    replace:
      "  const early = await wakes.findFlag(shard.run.shard);\n" +
      "  wakes.findFlag = async () => early;\n" +
      '  const released = await shard.lease.release({ state: "resting", lookDueAt });',
    file: `${stories}/rest.test.ts`,
    test: "(acquire, jobs without a session: false) > does not sleep over a job",
  },
  {
    name: "acquire not tried again",
    in: `${poller}/due.ts`,
    find: "    acquireDueIn(shard, set),\n",
    replace: "",
    file: `${stories}/sessions.test.ts`,
    test: "long before the next poll: server-error",
  },
  {
    name: "statistics of a session answer ignored",
    in: `${poller}/refresh-session.ts`,
    find: "  takeStatistics(set, statistics);\n",
    replace: "",
    file: `${stories}/jobs.test.ts`,
    test: "(acquire) > whose message an earlier listener deleted",
  },
  // Order of effects
  {
    name: "busy runners marked after acknowledging",
    in: `${poller}/turn.ts`,
    find:
      "  await noteStarted(shard, set, looked.views, startedFacts(news));\n" +
      "  await acquire(shard, set, news);\n",
    replace:
      "  await acquire(shard, set, news);\n" +
      "  if (message) await save(shard, set, cursorAfter(message));\n" +
      "  if (message) await acknowledge(shard, set);\n" +
      "  await noteStarted(shard, set, looked.views, startedFacts(news));\n",
    file: `${stories}/kill.test.ts`,
    test: "(auto-assign) > leaves no runner unmarked",
  },
  {
    name: "a predecessor's message never deleted",
    in: `${poller}/open-session.ts`,
    find: "  if (known && set.unacknowledged !== undefined) await acknowledgeOld(shard, set, known);\n",
    replace: "  if (known && set.unacknowledged === -1) await acknowledgeOld(shard, set, known);\n",
    file: `${sharper}/take-over.test.ts`,
    test: "(auto-assign) > deletes the message that the dead one had checkpointed and not yet deleted",
  },
  {
    name: "a deletion that failed not tried again",
    in: `${poller}/turn.ts`,
    find: '  if (happening.occasion !== "look") await acknowledge(shard, set);\n',
    replace: "",
    file: `${sharper}/deletion.test.ts`,
    test: "(auto-assign) > is deleted when the next poll ends without one",
  },
  {
    name: "a deletion that failed tried again only for want of a message",
    in: `${poller}/turn.ts`,
    find: '  if (happening.occasion !== "look") await acknowledge(shard, set);\n',
    replace: '  if (happening.occasion === "empty-poll") await acknowledge(shard, set);\n',
    file: `${sharper}/deletion.test.ts`,
    test: "(auto-assign) > is deleted when the next message comes",
  },
  {
    name: "owed facts not checkpointed",
    in: `${poller}/scale-set.ts`,
    find: "...(owed && { owed })",
    replace: "...(owed?.pair && { owed: { pair: owed.pair, jobStarted: [] } })",
    file: `${stories}/kill.test.ts`,
    test: "(auto-assign) > leaves what a silent cluster is owed to its successor",
  },
  {
    name: "owed facts dropped",
    in: `${poller}/job-started.ts`,
    find: "  for (const fact of left) oweJobStarted(set, views, fact);\n",
    replace: "  for (const fact of left.slice(left.length)) oweJobStarted(set, views, fact);\n",
    file: `${stories}/clusters.test.ts`,
    test: "two clusters (auto-assign) > JobStarted of a silent cluster is owed",
  },
  {
    name: "a successor that comes forward before its lists are in",
    in: `${poller}/run-shard.ts`,
    find: 'if (names && run.reason === "successor") {',
    replace: 'if (names?.length === 0 && run.reason === "successor") {',
    file: `${stories}/hand-over.test.ts`,
    test: "(auto-assign) > waits for a successor that has still to list its clusters",
  },
  {
    name: "a successor ends when the table refuses its first reads",
    in: `${poller}/run-shard.ts`,
    find: '      log.warn("rows_not_read", { error: describeError(error) });\n',
    replace: "      if (attempt === 0) throw error;\n",
    file: `${stories}/hand-over.test.ts`,
    test: "with a successor that cannot read the clusters at first",
  },
  {
    name: "another poller invoked beside a successor",
    in: `${poller}/hand-over.ts`,
    find: "  if (successor === undefined) return startSuccessor(shard);\n",
    replace:
      "  const flag = await shard.deps.wakes.findFlag(shard.run.shard);\n" +
      "  if (successor === undefined || flag) return startSuccessor(shard);\n",
    file: `${stories}/hand-over.test.ts`,
    test: "with a wake in the middle of it",
  },
  {
    name: "a successor that died at the release left to the sweep",
    in: `${poller}/hand-over.ts`,
    find: '  if (lease && (lease.state !== "released" || ',
    replace: '  if (lease && (lease.state !== "held" || ',
    file: `${stories}/hand-over.test.ts`,
    test: "with a successor that dies at the release",
  },
  {
    name: "a release announced when it is there",
    in: `${poller}/hand-over.ts`,
    find:
      "  if (successor !== undefined) await announce(shard);\n" +
      "  await endEffects(shard, settings.reserveMs / 8);\n",
    replace:
      "  await endEffects(shard, settings.reserveMs / 8);\n" +
      "  if (successor !== undefined) void announce(shard).catch(() => {});\n",
    file: `${stories}/hand-over.test.ts`,
    test: "(auto-assign) > is followed within 20 ms",
  },
  {
    name: "the first polls after a hand-over wait for deletions",
    in: `${poller}/open-session.ts`,
    find: '  if (known && how === "as-it-is" && set.statistics) {\n',
    replace:
      "  if (known) await acknowledgeOld(shard, set, known);\n" +
      '  if (known && how === "as-it-is" && set.statistics) {\n',
    file: `${stories}/hand-over.test.ts`,
    test: "(auto-assign) > lets no poll wait for the deletion",
  },
  {
    name: "polls end with the turns of a hand-over",
    in: `${poller}/poll-scale-set.ts`,
    find: "  return !shard.hasEnded() && !set.closed && set.session !== undefined;\n",
    replace: "  return shard.turns.isOpen() && !set.closed && set.session !== undefined;\n",
    file: `${stories}/hand-over.test.ts`,
    test: "(auto-assign) > leaves none either to a set whose poll ends while another's turn hangs",
  },
  {
    name: "a message that no turn may take polled for again",
    in: `${poller}/poll-scale-set.ts`,
    find: "    if (!open && (unheard || !mayPollOn(shard, set))) ",
    replace: "    if (!open && (shard.hasEnded() || !mayPollOn(shard, set))) ",
    file: `${stories}/hand-over.test.ts`,
    test: "(auto-assign) > does not ask again and again for a message",
  },
  {
    name: "a session opened for a set that is somebody else's, and closed again",
    in: `${poller}/poll-scale-set.ts`,
    find: "  if (!set.session) await closeIfOver(shard, set);\n",
    replace: "",
    file: `${stories}/sessions.test.ts`,
    test: "(auto-assign) > opens no session for a set that another installation serves",
  },
  {
    name: "a set that is over keeps its shard awake and its runners",
    in: `${poller}/poll-scale-set.ts`,
    find: '    await takeTurn(shard, set, { occasion: "look" });\n    return { kind: "closed" };\n',
    replace: '    return { kind: "closed" };\n',
    file: `${stories}/rest.test.ts`,
    test: "(acquire, jobs without a session: false) > is not kept awake by a set whose deletion does not end",
  },
  {
    name: "a message that comes again and again taken for news each time",
    in: `${poller}/poll-scale-set.ts`,
    find: 'return decision.message.messageId > cursor ? "news" : "nothing";',
    replace: 'return decision.message.messageId > 0 ? "news" : "nothing";',
    file: `${stories}/waits.test.ts`,
    test: "is polled at most twice a second, costs no more patches, and new messages are acted on",
  },
  {
    name: "a cluster's new access left to the next invocation",
    in: `${poller}/clusters.ts`,
    find: "    replace(row);\n",
    replace: "    if (row.draining) replace(row);\n",
    file: `${stories}/cluster-rows.test.ts`,
    test: "(auto-assign) > goes on with a cluster's new access",
  },
  {
    name: "a cluster's old watch goes on with a client that was given up meanwhile",
    in: `${poller}/clusters.ts`,
    find: "    replace(row);\n",
    replace: "    if (!isSameWay(now.row, row)) replace(row);\n",
    file: `${stories}/cluster-rows.test.ts`,
    test: "(auto-assign) > serves a cluster whose access was changed and changed back",
  },
  {
    name: "a removed cluster watched to the end",
    in: `${poller}/clusters.ts`,
    find: "      dropRemoved(rows);\n",
    replace: "      if (rows.length === 0) dropRemoved(rows);\n",
    file: `${stories}/cluster-rows.test.ts`,
    test: "(auto-assign) > asks a cluster nothing any more that was removed",
  },
  {
    name: "owed facts bounded by their number alone",
    in: `${poller}/plan-owed.ts`,
    find: "  while (total > bytesMax) {\n",
    replace: "  while (total > bytesMax && lists.length > 100) {\n",
    file: `${stories}/owed-facts.test.ts`,
    test: "could hold (auto-assign) > hold up no message",
  },
  {
    name: "clusters written one after the other",
    in: `${poller}/apply-plan.ts`,
    find:
      "  const results = await Promise.allSettled(\n" +
      "    plan.targets.map(async (one) => {\n" +
      "      const view = views.find(({ key }) => key === one.key);\n" +
      "      const target = set.targets.get(one.key);\n" +
      "      if (view && target && one.decision) await applyTarget(shard, set, view, target, one);\n" +
      "    }),\n" +
      "  );\n",
    replace:
      "  const results: PromiseSettledResult<void>[] = [];\n" +
      "  for (const one of plan.targets) {\n" +
      "    const view = views.find(({ key }) => key === one.key);\n" +
      "    const target = set.targets.get(one.key);\n" +
      "    if (view && target && one.decision) await applyTarget(shard, set, view, target, one);\n" +
      "  }\n",
    file: `${stories}/clusters.test.ts`,
    test: "two clusters (auto-assign) > a black hole beside a healthy one",
  },
  {
    name: "a slow status write keeps the message",
    in: `${poller}/job-started.ts`,
    find: "settings.jobStartedHoldMs, shard.signal",
    replace: "settings.jobStartedHoldMs * 10, shard.signal",
    file: `${sharper}/job-started.test.ts`,
    test: "(auto-assign) > holds up the acknowledgement by two seconds at most",
  },
  {
    name: "a call without its time limit",
    in: `${poller}/shard.ts`,
    find: "Math.max(1, Math.min(",
    replace: "Math.max(600_000, Math.min(",
    file: `${stories}/clusters.test.ts`,
    test: "two clusters (acquire) > a black hole beside a healthy one",
  },
  {
    name: "checkpoint on every empty poll",
    in: `${poller}/turn.ts`,
    find: "  else if (decided || owedBefore !== owedFacts(set)) await save(shard, set);\n",
    replace: "  else if (decided || owedBefore !== undefined) await save(shard, set);\n",
    file: `${stories}/jobs.test.ts`,
    test: "writes nothing to its cluster in an hour",
  },
  {
    name: "more jobs acquired than there is room for",
    in: `${poller}/decide-acquire.ts`,
    find: "ids.slice(0, Math.max(0, room))",
    replace: "ids.slice(0, Math.max(ids.length, room))",
    file: `${stories}/sessions.test.ts`,
    test: "takes no more than there is room for",
  },
  // The tally
  {
    name: "a tally of nothing believed at once",
    in: `${poller}/turn.ts`,
    find: "  if (!message.statistics || !shouldAskAgain(before, message.statistics, news, busy)) return;\n",
    replace:
      "  if (!message.statistics || shouldAskAgain(before, message.statistics, news, busy)) return;\n",
    file: `${sharper}/sessions.test.ts`,
    test: "(auto-assign) > of nothing while two jobs run lowers nobody",
  },
  {
    name: "no last reading of the tally before a rest",
    in: `${poller}/rest.ts`,
    find: "  return failure === undefined && hasNoJobs(statisticsOf(set));\n",
    replace: "  return failure === undefined && (hasNoJobs(statisticsOf(set)) || true);\n",
    file: `${sharper}/rest.test.ts`,
    test: "stays for a job that only its last reading of the tally shows",
  },
  {
    name: "a message left unread by a rest",
    in: `${poller}/rest.ts`,
    find: "    if (sets.some(({ quietSince }) => quietSince === undefined)) return false;\n",
    replace: "",
    file: `${sharper}/rest.test.ts`,
    test: "(auto-assign) > stays for a job",
  },
  {
    name: "wake flag not read after the release",
    in: `${poller}/rest.ts`,
    find: "  if (flag !== undefined) await invoker",
    replace: '  if (flag === "") await invoker',
    file: `${stories}/rest.test.ts`,
    test: "(acquire, jobs without a session: false) > does not sleep over a job",
  },
  // Sessions
  {
    name: "a new session at each take-over",
    in: `${poller}/open-session.ts`,
    find: "  const known = set.session;\n",
    replace: '  const known = how === "as-it-is" ? set.session : undefined;\n',
    file: `${stories}/take-over.test.ts`,
    test: "(acquire) > whoever the platform tells takes over",
  },
  {
    name: "cursor kept in a new session",
    in: `${poller}/open-session.ts`,
    find: "  if (answer.ok) set.lastMessageId = 0;\n",
    replace: "",
    file: `${sharper}/sessions.test.ts`,
    test: "(auto-assign) > begins at the oldest message that nobody has deleted",
  },
  {
    name: "token of a refresh not kept",
    in: `${poller}/refresh-session.ts`,
    find: "{ sessionId, queueUrl, queueToken }, known",
    replace: "{ sessionId, queueUrl, queueToken: set.session?.queueToken ?? queueToken }, known",
    file: `${stories}/sessions.test.ts`,
    test: "(acquire) > goes on with a new token",
  },
  {
    name: "an expired token taken as a lost session",
    in: `${poller}/poll-scale-set.ts`,
    find: "  const failure = await refreshSession(shard, set);\n",
    replace: "  set.session = undefined;\n  const failure = await refreshSession(shard, set);\n",
    file: `${sharper}/sessions.test.ts`,
    test: "(auto-assign) > is followed by one with a new token, in the same session",
  },
  {
    name: "409 ends the loop",
    in: `${poller}/open-session.ts`,
    find: "  countConflict(shard, set, failure, attempt);\n",
    replace:
      "  countConflict(shard, set, failure, attempt);\n" +
      '  if (failure.reason === "session-conflict") throw new Error("conflict");\n',
    file: `${stories}/sessions.test.ts`,
    test: "(acquire) > waits for a foreign listener's session to lapse",
  },
  {
    name: "Retry-After ignored",
    in: `${poller}/poll-scale-set.ts`,
    find: "retryAfterMs ?? backoffMs(shard.deps.random, backoff, set.pollFailures)",
    replace: "(retryAfterMs ?? 0) * 0 + backoffMs(shard.deps.random, backoff, set.pollFailures)",
    file: `${sharper}/sessions.test.ts`,
    test: "(auto-assign) > is not repeated before the time that the service asks to wait",
  },
  {
    name: "session refreshed at each hand-over",
    in: `${poller}/serve-scale-set.ts`,
    find: 'from === "hand-over" ? "as-it-is" : "refresh"',
    replace: 'from === "hand-over" ? "refresh" : "refresh"',
    file: `${stories}/hand-over.test.ts`,
    test: "(acquire) > writes nothing to cluster and checkpoint when all is quiet",
  },
  {
    name: "polls given up at the release",
    in: `${poller}/hand-over.ts`,
    find: "  await Promise.all([seeTaken(shard, successor), leavePollsOpen(shard)]);\n",
    replace:
      "  if (successor === undefined)\n" +
      "    await Promise.all([seeTaken(shard, successor), leavePollsOpen(shard)]);\n",
    file: `${stories}/hand-over.test.ts`,
    test: "(auto-assign) > leaves none either when each step of the successor takes its time",
  },
  // Lease, fence, wake
  {
    name: "guard not awaited",
    in: `${poller}/shard.ts`,
    find: "        await guard();\n",
    replace: "        void guard().catch(() => {});\n",
    file: `${sharper}/guarded.test.ts`,
    test: "(auto-assign) > starts no effect after 80 % of its lease",
  },
  {
    name: "fence not written at a take-over",
    in: `${poller}/serve-scale-set.ts`,
    find: '  if (from === "death") await shard.turns.pass(() => stampFences(shard, set));\n',
    replace: "  if (shard.hasEnded()) await shard.turns.pass(() => stampFences(shard, set));\n",
    file: `${stories}/take-over.test.ts`,
    test: "(acquire) > a write that was under way, sent late by a bare client",
  },
  {
    name: "number of the cluster not read",
    in: `${poller}/look-at-targets.ts`,
    find: "laterPatchId(target.sequence, runnerSet.spec.patchID)",
    replace: "laterPatchId(target.sequence, 0 * runnerSet.spec.patchID)",
    file: `${sharper}/take-over.test.ts`,
    test: "(auto-assign) > goes on above a number that is in the cluster and in no checkpoint",
  },
  {
    name: "another installation's fence overwritten",
    in: `${poller}/decide-fence.ts`,
    find: '  if (verdict === "foreign") return',
    replace: '  if (verdict === "foreign" && !seen) return',
    file: `${stories}/runner-sets.test.ts`,
    test: "(auto-assign) > an EphemeralRunnerSet of another installation, until somebody has given it to us",
  },
  {
    name: "lease used to its last millisecond",
    in: `${coordination}/hold-lease.ts`,
    find: "const usablePart = 0.8;",
    replace: "const usablePart = 1;",
    file: `${coordination}/lease.property.test.ts`,
    test: "a holder on a clock a tenth too slow stops before",
  },
  {
    name: "lease counted from after its write",
    in: `${coordination}/own-row.ts`,
    find: "      startMs = writtenMs;\n",
    replace: "      startMs = Math.max(writtenMs, deps.clock.nowMs());\n",
    file: `${coordination}/hold-lease.test.ts`,
    test: "the length counts from before the write",
  },
  {
    name: "a lease that moves taken as dead",
    in: `${coordination}/standstill.ts`,
    find: "if (view.version !== version) {",
    replace: "if (version === undefined) {",
    file: `${coordination}/lease.test.ts`,
    test: "a held lease that moves outlasts a successor",
  },
  {
    name: "last writer of a checkpoint wins",
    in: `${coordination}/checkpoints.ts`,
    find: "earlier && result.current?.version === earlier) {\n        result = await putSettled(deps, row, { version: earlier });",
    replace:
      "result.current) {\n        result = await putSettled(deps, row, { version: result.current.version });",
    file: `${coordination}/checkpoints.test.ts`,
    test: "a put after a version that is no longer there is refused",
  },
  {
    name: "flag cleared whatever it says",
    in: `${coordination}/wake.ts`,
    find: "      await removeSettled(deps, keys.flag(shard), version);\n",
    replace:
      "      const there = await getSettled(deps, keys.flag(shard));\n" +
      "      await removeSettled(deps, keys.flag(shard), there?.version ?? version);\n",
    file: `${coordination}/wake.test.ts`,
    test: "clearing takes away the flag that was seen, and none set since",
  },
  {
    name: "lease read before the flag is set",
    in: `${coordination}/wake.ts`,
    find:
      "    await setFlag(deps, shard);\n" +
      "    const [lease, stoodStill] = await Promise.all([\n" +
      "      deps.leases.read(shard),\n" +
      "      findStoodStill(deps, shard),\n" +
      "    ]);\n",
    replace:
      "    const [lease, stoodStill] = await Promise.all([\n" +
      "      deps.leases.read(shard),\n" +
      "      findStoodStill(deps, shard),\n" +
      "    ]);\n" +
      "    await setFlag(deps, shard);\n",
    file: `${coordination}/wake.test.ts`,
    test: "a wake at the very moment of a release",
  },
  {
    name: "a checkpoint of a larger fence overwritten",
    in: `${poller}/save.ts`,
    find: '  if (!(await isStillOurs(shard, set))) forget(set, "another invocation serves it");\n',
    replace:
      '  if (shard.hasEnded() && !(await isStillOurs(shard, set))) forget(set, "another");\n',
    file: `${sharper}/moved.test.ts`,
    test: "(auto-assign) > is let go by the old holder at its next checkpoint",
  },
  {
    name: "a larger fence in the cluster always outbid",
    in: `${poller}/apply-pair.ts`,
    find: "      if (!(await isStillOurs(shard, set))) return",
    replace: "      if (shard.hasEnded() && !(await isStillOurs(shard, set))) return",
    file: `${sharper}/moved.test.ts`,
    test: "(auto-assign) > is let go by the old holder when its cluster shows a larger fence",
  },
  {
    name: "a fence edited by hand taken as a successor's",
    in: `${poller}/apply-pair.ts`,
    find: "      if (!(await isStillOurs(shard, set))) return",
    replace: "      if ((await isStillOurs(shard, set)) || !shard.hasEnded()) return",
    file: `${stories}/runner-sets.test.ts`,
    test: "(auto-assign) > to a larger number: a new one is drawn above it",
  },
  {
    name: "one set may take every call",
    in: `${poller}/limiter.ts`,
    find: "(running.get(one) ?? 0) < perKey",
    replace: "(running.get(one) ?? 0) < 2 * perKey",
    file: `${poller}/limiter.test.ts`,
    test: "never has more calls in flight than it may, nor more than half for one key",
  },
  // Pairs and placement
  {
    name: "a number that wraps to 0",
    in: "packages/domain/patch-pair.ts",
    find: "sequence < 0 ? 1 : sequence + 1",
    replace: "sequence < 0 ? 0 : sequence + 1",
    file: "packages/domain/patch-pair.test.ts",
    test: "goes on above what was used before, and wraps",
  },
  {
    name: "scaled down while jobs run",
    in: "packages/domain/patch-pair.ts",
    find: "return wanted.desired === wanted.minRunners && pair",
    replace: "return wanted.desired >= wanted.minRunners && pair",
    file: "packages/domain/patch-pair.test.ts",
    test: "only ever carries the number 0 with the minimum",
  },
  {
    name: "a runner that died not replaced",
    in: "packages/domain/patch-pair.ts",
    find: "facts.alive < pair.replicas &&",
    replace: "facts.alive < 0 &&",
    file: `${stories}/jobs.test.ts`,
    test: "(auto-assign) > get another runner when theirs dies",
  },
  {
    name: "fall taken from a busy cluster",
    in: `${placing}.ts`,
    find: "Math.min(slot.completed, surplus(slots, total)",
    replace: "Math.min(0 * slot.completed, surplus(slots, total)",
    file: `${placing}.test.ts`,
    test: "takes a fall from where the runner completed",
  },
  {
    name: "everything back at once to a cluster that returns",
    in: `${poller}/view-target.ts`,
    find: "    allowance: view.cluster?.health.allowance(),\n",
    replace: "    allowance: undefined,\n",
    file: `${stories}/clusters.test.ts`,
    test: "two clusters (acquire) > one that comes back",
  },
  {
    name: "refused runners wait for ever",
    in: `${poller}/view-target.ts`,
    find: "moment.wallMs - view.refused.since >= refusedLongMs",
    replace: "moment.wallMs - view.refused.since >= 1_000 * refusedLongMs",
    file: `${stories}/clusters.test.ts`,
    test: "two clusters (acquire) > runners refused by the first one's quota",
  },
  {
    name: "a runner set made anew not noticed",
    in: `${poller}/view-target.ts`,
    find: " && runnerSet.metadata.uid === target.uid",
    replace: "",
    file: `${sharper}/made-anew.test.ts`,
    test: "(auto-assign) > gets the fence and a new number at once",
  },
  {
    name: "replicas changed by somebody left so",
    in: "packages/domain/patch-pair.ts",
    find: 'return facts.driftWaits ? undefined : "drift";',
    replace: "return undefined;",
    file: `${stories}/runner-sets.test.ts`,
    test: "(auto-assign) > whose replicas somebody changed is set right at once",
  },
  {
    name: "who changes replicas again and again is fought at their own speed",
    in: `${poller}/view-target.ts`,
    find: "mayPutRightAt(target.fight) > nowMs",
    replace: "mayPutRightAt({ ...target.fight, resets: 0 }) > nowMs",
    file: `${stories}/fight.test.ts`,
    test: "(auto-assign) > of 500 resets in ten seconds",
  },
  {
    name: "the last reset of a fight left so",
    in: `${poller}/due.ts`,
    find: "return replicas === target.pair.replicas ? undefined :",
    replace: "return replicas !== target.pair.replicas ? undefined :",
    file: `${stories}/fight.test.ts`,
    test: "(acquire) > of 500 resets in ten seconds",
  },
  {
    name: "a rest beside a reset that waits to be put right",
    in: `${poller}/quiet.ts`,
    find: "spec.replicas ?? 0) !== replicas) return false;",
    replace: "spec.replicas ?? 0) === -1) return false;",
    file: `${stories}/fight.test.ts`,
    test: "(auto-assign) > keeps its shard awake",
  },
  {
    name: "the larger number taken for the later one",
    in: "packages/domain/patch-pair.ts",
    find: "less > 0 && more - less > int32Max / 2 ? less : more;",
    replace: "more;",
    file: `${stories}/numbers.test.ts`,
    test: "(auto-assign) > the successor whose watch is late",
  },
  {
    name: "capacity without the busy runners of silent clusters",
    in: `${placing}.ts`,
    find: "sums.maxRunners + busyOthers)",
    replace: "sums.maxRunners + 0 * busyOthers)",
    file: `${placing}.test.ts`,
    test: "lets a lone silent cluster keep what it had",
  },
  // What is not ours, and what is not a double
  {
    name: "an unmanaged namespace served",
    in: `${poller}/view-target.ts`,
    find: "!cluster.isManaged(ref.namespace) ||",
    replace: "",
    file: `${stories}/runner-sets.test.ts`,
    test: "(auto-assign) > a namespace that is not managed",
  },
  {
    name: "a runner set of ARC's listener served",
    in: `${poller}/view-target.ts`,
    find: " || cluster.hasListener(ref)) return",
    replace: ") return",
    file: `${stories}/runner-sets.test.ts`,
    test: "(auto-assign) > a runner set that ARC's own listener serves",
  },
  {
    name: "ids rounded",
    in: `${poller}/job-started.ts`,
    find: "? rawJSON(digits) : 0",
    replace: "? Number(digits) : 0",
    file: `${stories}/jobs.test.ts`,
    test: "(acquire) > mark their runners busy in the cluster",
  },
  ...runnerMutants,
  ...runnerSetMutants,
  ...cloudMutants,
  ...sweepMutants,
  ...commandMutants,
  ...leavingMutants,
];
