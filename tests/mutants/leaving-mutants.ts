// Why: mistakes at a change of hands, where somebody else waits for what we hold on to.
import type { Mutant } from "./mutants.ts";

const poller = "packages/control-plane/poller";

export const leavingMutants: Mutant[] = [
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
