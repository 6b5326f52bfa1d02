// Why: what may go wrong for a runner in its cluster: each of these mistakes looks harmless where it is made.
import type { Mutant } from "./mutants.ts";

const runner = "packages/reconciler/controllers/ephemeral-runner";
const stories = "tests/stories/reconciler";

export const runnerMutants: Mutant[] = [
  {
    name: "a side-car's restart fails the runner",
    in: `${runner}/plan-pod.ts`,
    find: " && !isSideCar(pod, one.name)",
    replace: "",
    file: `${runner}/plan-pod.test.ts`,
    test: "a native side-car that ended badly",
  },
  {
    name: "one answer of the service ends a runner",
    in: `${runner}/check-registration.ts`,
    find: "if (doubt !== before)",
    replace: "if (doubt !== before && doubt !== 'absent')",
    file: `${stories}/pod-troubles.test.ts`,
    test: "one wrong answer about it changes nothing",
  },
  {
    name: "a runner without registration runs for ever",
    in: `${runner}/check-registration.ts`,
    find: 'if (!found.value) return "absent";',
    replace: "if (!found.value) return undefined;",
    file: `${stories}/pod-troubles.test.ts`,
    test: "hangs after its job",
  },
  {
    name: "another reconciler's registration removed at once",
    in: `${runner}/name-conflict.ts`,
    find: "if (ctx.memory.of(uid).conflictWith !== id)",
    replace: "if (id < 0)",
    file: `${stories}/more-reconcilers.test.ts`,
    test: "two by mistake, one slow to keep",
  },
  {
    name: "a stranger's registration removed",
    in: `${runner}/name-conflict.ts`,
    find: "if (scaleSetId !== runner.spec.runnerScaleSetId)",
    replace: "if (scaleSetId < 0)",
    file: `${stories}/registration-troubles.test.ts`,
    test: "by a runner of another scale set",
  },
  {
    name: "a runner given up while its pod may be at work",
    in: `${runner}/abandon.ts`,
    find: 'if (answer === "busy" || hasJob(runner)) return Number.POSITIVE_INFINITY;',
    replace: "",
    file: `${stories}/abandoned.test.ts`,
    test: "at work: it is left alone until its job has ended",
  },
  {
    name: "a runner never given up",
    in: `${runner}/abandon.ts`,
    find: "if (isOver) return describeError(answer);",
    replace: "",
    file: `${stories}/registration-troubles.test.ts`,
    test: "the service is down for good and the pod has ended",
  },
  {
    name: "the hour for a refused deletion begins anew",
    in: "packages/reconciler/controllers/autoscaling-runner-set/finalize.ts",
    find: "if (noted <= now) return",
    replace: "if (noted > now) return",
    file: `${stories}/abandoned.test.ts`,
    test: "though the reconciler is restarted every 20 minutes",
  },
  {
    name: "a restart closes the breaker",
    in: "packages/reconciler/controllers/ephemeral-runner-set/reconcile.ts",
    find: "return parseBreaker(text, specHash,",
    replace: "return parseBreaker(text && '', specHash,",
    file: `${stories}/failures.test.ts`,
    test: "and a restart every five minutes, hardly more runners",
  },
  {
    name: "a mended template waits for the breaker",
    in: "packages/reconciler/breaker.ts",
    find: "if (known !== undefined) return begin(uid, closedBreaker);",
    replace: "if (known !== undefined) return;",
    file: `${stories}/failures.test.ts`,
    test: "makes runners again within seconds when its template is changed",
  },
  {
    name: "late news of a job start a second pod",
    in: `${runner}/plan-runner.ts`,
    find: 'if (hasJob(seen.runner)) return { do: "end", why: "died-with-job" };\n  const failures',
    replace: "const failures",
    file: `${stories}/pod-troubles.test.ts`,
    test: "come after the pod has failed",
  },
  {
    name: "a webhook's refusal tried again for ever",
    in: `${runner}/refusal.ts`,
    find: "[400, 403, 413, 422]",
    replace: "[403, 422]",
    file: `${stories}/api-troubles.test.ts`,
    test: "that refuses pods: Failed in its words",
  },
];
