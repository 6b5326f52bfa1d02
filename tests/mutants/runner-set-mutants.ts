// Why: mistakes in what becomes of a runner set and its scale set; a list of its own, as the first one is long.
import type { Mutant } from "./mutants.ts";

const reconciler = "packages/reconciler";
const autoscaling = `${reconciler}/controllers/autoscaling-runner-set`;
const runnerSets = `${reconciler}/controllers/ephemeral-runner-set`;
const stories = "tests/stories/reconciler";

export const runnerSetMutants: Mutant[] = [
  {
    name: "refused runners counted as pending too",
    in: `${runnerSets}/plan-status.ts`,
    find: "Math.max(0, pending - noPod)",
    replace: "Math.max(0, pending - noPod * 0)",
    file: `${stories}/failures.test.ts`,
    test: "quota: a slow retry with the same registration, told as refused, then a runner",
  },
  {
    name: "each change shortens a back-off as much as the first",
    in: `${reconciler}/work-queue.ts`,
    find: "    item.shortened++;\n",
    replace: "",
    file: `${reconciler}/work-queue.test.ts`,
    test: "a change shortens the wait after a failure, ever less, and makes no hot loop",
  },
  {
    name: "a new scale set when the id was taken off",
    in: `${autoscaling}/scale-set.ts`,
    find: "noted ?? idOfRunnerSet(ctx, set)",
    replace: "noted ?? (idOfRunnerSet(ctx, set) === -1 ? 0 : undefined)",
    file: `${stories}/arc-objects.test.ts`,
    test: "that was taken off with the manifest is found again on the runner set",
  },
  {
    name: "an old template goes on while its set is emptied",
    in: `${runnerSets}/plan-scale.ts`,
    find: "const create = isEmptied ? 0 : Math.min(wanted, seen.creatable);",
    replace: "const create = seen.outdated ? 0 : Math.min(wanted, seen.creatable);",
    file: `${stories}/update-strategy.test.ts`,
    test: "a minimum of idle runners, ordered again and again, does not hold it up",
  },
  {
    name: "young idle runners replaced as well",
    in: `${runnerSets}/cure-idleness.ts`,
    find: "idle.find((one) => ageMs(ctx, one) >= rules.afterMs)",
    replace: "idle.find((one) => ageMs(ctx, one) >= 0)",
    file: `${stories}/idleness.test.ts`,
    test: "a runner that has only just come is given its ten minutes",
  },
  {
    name: "a condition that the CRD drops is written again and again",
    in: `${autoscaling}/status.ts`,
    find: "  if (isDropped && isDeepStrictEqual(last.kept, set.status)) return 0;\n",
    replace: "  void isDropped;\n",
    file: `${stories}/metadata.test.ts`,
    test: "with CRDs that drop our conditions: no write either",
  },
];
