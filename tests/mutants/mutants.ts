// Why: the list of mistakes. Each is one textual change and the test, by file and full name, that must fail with it.

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
const stories = "tests/stories/poller";

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
    test: "leaves no runner unmarked, whatever line it was at",
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
    test: "also when it dies just after acknowledging",
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
    in: `${poller}/refresh-session.ts`,
    find: "  await save(shard, set);\n",
    replace: "",
    file: `${stories}/kill.test.ts`,
    test: "orphans the session at most until it lapses",
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
];
