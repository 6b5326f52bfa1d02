// Why: a pod that runs proves little. Its runner may never have reached GitHub (a firewall, a wrong proxy), may have lost
// its connection for good (actions/runner #3334), or may hang after its job (actions/actions-runner-controller #4155).
// All three hold capacity and look healthy, so the service is asked now and then. Two answers decide, minutes apart, and
// half an hour where a job may be at stake: the service has had bad hours, too.
import type { EphemeralRunner } from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { objectKey } from "../../object-key.ts";
import type { Pod } from "../../pod.ts";
import type { RunnerFacts } from "../../runner-memory.ts";
import { ServiceFailed } from "../../services.ts";
import type { PassResult } from "../../work-queue.ts";
import { retryPod } from "./fail.ts";
import { hasJob } from "./plan-runner.ts";
import { endRunner } from "./end-runner.ts";

/** Not all at once after a restart of ours: the first question comes within a span. */
export function scheduleCheck(ctx: Context, runner: EphemeralRunner): Readonly<RunnerFacts> {
  const uid = runner.metadata.uid ?? "";
  const facts = ctx.memory.of(uid);
  if (runner.status?.phase === "Running" && facts.checkDueMs === undefined) {
    const spread = 1 + ctx.random.next();
    const checkDueMs = ctx.clock.nowMs() + ctx.settings.checkAfterMs * spread;
    ctx.memory.note(uid, { checkDueMs });
  }
  return ctx.memory.of(uid);
}

/** Throws ServiceFailed; then the question waits for the next turn. */
export async function checkRegistration(
  ctx: Context,
  runner: EphemeralRunner,
  pod: Pod | undefined,
  signal: AbortSignal,
): Promise<PassResult> {
  const uid = runner.metadata.uid ?? "";
  const { checkAfterMs, checkEveryMs } = ctx.settings;
  const dueIn = (againMs: number) => {
    ctx.memory.note(uid, { checkDueMs: ctx.clock.nowMs() + againMs });
    return { againMs };
  };
  dueIn(checkAfterMs);
  const before = ctx.memory.of(uid).doubt;
  const doubt = await findDoubt(ctx, runner, signal);
  ctx.memory.note(uid, { doubt });
  if (!doubt) return dueIn(checkEveryMs);
  if (doubt !== before) return dueIn(hasJob(runner) ? checkEveryMs : checkAfterMs);
  ctx.log.warn("runner_not_connected", { runner: objectKey(runner), doubt });
  ctx.memory.note(uid, { checkDueMs: undefined, doubt: undefined });
  const message = "its pod runs, but GitHub has it as offline: can it reach GitHub?";
  if (doubt === "offline" && pod)
    await retryPod(ctx, runner, pod, { reason: "NotConnected", message }, signal);
  // Without a registration it will never have a job again.
  else await endRunner(ctx, runner);
  return {};
}

async function findDoubt(
  ctx: Context,
  runner: EphemeralRunner,
  signal: AbortSignal,
): Promise<RunnerFacts["doubt"]> {
  const { service } = await ctx.services.find(runner.metadata.namespace ?? "", runner.spec);
  const found = await service.findRunner(runner.status?.runnerId ?? 0, { signal });
  if (!found.ok) throw new ServiceFailed(`looking for ${runner.metadata.name}`, found.failure);
  if (!found.value) return "absent";
  // What becomes of a job whose runner fell silent is for GitHub to say.
  return found.value.online === false && !hasJob(runner) ? "offline" : undefined;
}
