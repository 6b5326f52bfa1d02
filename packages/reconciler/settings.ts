// Why: every number of the reconciler stands in one table, with its reason.
import type { Backoff } from "@runlet/runtime/backoff";
import type { IdleRules } from "./idleness.ts";

export interface ReconcilerSettings {
  /** Jobs that wait beside idle runners: when that counts as stuck, and between two replacements. */
  idleness: IdleRules;
  /** Passes at once, by kind of object. Runners wait for two services each, so many fit one core. */
  runnerPasses: number;
  /** Of these for runners of one config URL: a service that hangs must not hold up the others'. */
  runnerPassesPerScope: number;
  runnerSetPasses: number;
  autoscalingPasses: number;
  /** Runners that one set creates, or removes, at once. */
  writesAtOnce: number;
  /** Between passes of one object that fail. */
  passBackoff: Backoff;
  /** A change shortens such a wait to this. */
  changeDelayMs: number;
  /** Changes of runners within this time are one pass of their set. */
  gatherMs: number;
  /** ARC's waits before pod number 2 … 6 of a runner (ephemeralrunner_controller.go, failedRunnerBackoff). */
  podRetriesMs: readonly number[];
  /** After "a job is running". */
  busyRetryMs: number;
  /** After "exceeded quota", and the age at which such a runner makes way for a new one. */
  quotaRetryMs: number;
  quotaGiveUpMs: number;
  /** A pod that has not started by then is given up: a JIT config is good for about an hour. */
  startLimitMs: number;
  /** A pod that no node takes is shown as such after this; before, a cluster may be growing. */
  unschedulableMs: number;
  /** A runner whose pod is in trouble and has not started by then counts as refused: others may take its job. */
  startTroubleMs: number;
  /** A runner that has run so long is looked up at the service, and again so long after a doubtful answer … */
  checkAfterMs: number;
  /** … or after a good one. */
  checkEveryMs: number;
  /** Status writes of one set, at most one in this time. */
  statusEveryMs: number;
  /** How long a Failed runner is shown before it makes room; doubles while nothing succeeds. */
  failedShown: Backoff;
  /** Failures in a row that stop new runners of a set … */
  breakerOpensAfter: number;
  /** … and for how long; then one is tried. */
  breaker: Backoff;
  /** A runner that has been alive this long proves that its template works. */
  provenAfterMs: number;
  /** Registrations that the service takes from one scope in five minutes. */
  registrationsPerWindow: number;
  /** A runner that is being deleted and cannot be asked for any more (its credential is gone). */
  orphanGiveUpMs: number;
  /** What is being deleted while the service refuses or does not answer: a runner without a pod, or the scale set. */
  busyGiveUpMs: number;
  /** A runner that is being deleted while nobody answers for its service: its pod lives, and nobody told of a job. */
  unansweredGiveUpMs: number;
  /** After so long a deleted runner says that it waits for the service. */
  unansweredShownMs: number;
  /** How often an idle scale set is looked up at the service. */
  verifyEveryMs: number;
}

export const reconcilerSettings: ReconcilerSettings = {
  idleness: { afterMs: 600_000, step: { baseMs: 120_000, capMs: 3_600_000 } },
  runnerPasses: 64,
  runnerPassesPerScope: 24,
  runnerSetPasses: 16,
  autoscalingPasses: 16,
  writesAtOnce: 16,
  passBackoff: { baseMs: 500, capMs: 60_000 },
  changeDelayMs: 1_000,
  gatherMs: 20,
  podRetriesMs: [0, 5_000, 10_000, 20_000, 40_000, 80_000],
  busyRetryMs: 30_000,
  quotaRetryMs: 30_000,
  quotaGiveUpMs: 600_000,
  startLimitMs: 45 * 60_000,
  unschedulableMs: 60_000,
  startTroubleMs: 300_000,
  checkAfterMs: 300_000,
  checkEveryMs: 1_800_000,
  statusEveryMs: 1_000,
  failedShown: { baseMs: 60_000, capMs: 900_000 },
  breakerOpensAfter: 3,
  breaker: { baseMs: 30_000, capMs: 900_000 },
  provenAfterMs: 25_000,
  registrationsPerWindow: 1_500,
  orphanGiveUpMs: 600_000,
  busyGiveUpMs: 3_600_000,
  unansweredGiveUpMs: 86_400_000,
  unansweredShownMs: 60_000,
  verifyEveryMs: 300_000,
};
