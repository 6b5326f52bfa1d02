// Why: mistakes at a change of hands, where somebody else waits for what we hold on to.
import type { Mutant } from "./mutants.ts";

const poller = "packages/control-plane/poller";

export const leavingMutants: Mutant[] = [
  {
    name: "a set given back to ARC polled on",
    in: `${poller}/quiet.ts`,
    find: '  if (views.every(({ state }) => state === "absent")) return true;\n',
    replace: "",
    file: "tests/stories/migrate/migrate.test.ts",
    test: "in acquire mode > no job is lost and none waits",
  },
  {
    name: "the session of a set that is in no shard left open",
    in: `${poller}/serve-rows.ts`,
    find: "    if (loop.set) await leaveSession(shard, loop.set);\n",
    replace: "",
    file: "tests/stories/migrate/leave.test.ts",
    test: "closed within a sweep, in acquire mode",
  },
  {
    name: "rest beside a set that may be handed over",
    in: `${poller}/quiet.ts`,
    find: 'return state === "absent" && foreign === undefined;',
    replace: 'return state === "absent";',
    file: "tests/stories/recover/recover.test.ts",
    test: "in auto-assign mode > region and table",
  },
];
