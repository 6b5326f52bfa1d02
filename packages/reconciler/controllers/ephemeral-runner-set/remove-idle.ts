// Why: a runner that looks idle may have been given a job a moment ago. Only the service knows, so it is
// asked first, runner by runner; "busy" keeps the runner, and it is not asked again for half a minute.
import type { Context } from "../../context.ts";
import { eachLimited } from "../../each-limited.ts";
import { endRunner } from "../ephemeral-runner/end-runner.ts";
import { removeRegistration } from "../ephemeral-runner/remove-registration.ts";
import type { SetObservation } from "./observe.ts";
import type { RunnerView } from "./plan-scale.ts";

/**
 * Removes up to `count` of `candidates`, in order. Resolves to how many went; throws when the service or the
 * cluster could not be asked for some of them.
 */
export async function removeIdle(
  ctx: Context,
  seen: SetObservation,
  candidates: readonly RunnerView[],
  count: number,
  signal: AbortSignal,
): Promise<number> {
  const waiting = [...candidates];
  let removed = 0;
  while (removed < count && waiting.length > 0) {
    const round = waiting.splice(0, Math.min(count - removed, ctx.settings.writesAtOnce));
    await eachLimited(round, { atOnce: round.length, signal }, async ({ key }) => {
      const runner = seen.byKey.get(key);
      if (!runner) return;
      if ((await removeRegistration(ctx, runner, signal)) === "busy") {
        ctx.log.info("runner_kept_busy", { runner: key });
        return;
      }
      await endRunner(ctx, runner);
      removed++;
      ctx.log.info("idle_runner_removed", { runner: key });
    });
  }
  return removed;
}
