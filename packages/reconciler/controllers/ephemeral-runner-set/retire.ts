// Why: a Failed runner holds capacity, as in ARC, but not for ever: it is shown for a while, which grows as long
// as nothing of the set succeeds, and then makes room (actions/actions-runner-controller #3700, #4102).
import type { EphemeralRunner } from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { eachLimited } from "../../each-limited.ts";
import { objectKey } from "../../object-key.ts";
import { endRunner } from "../ephemeral-runner/end-runner.ts";
import type { SetObservation } from "./observe.ts";

/** Retires what has been shown long enough; resolves to the ms until the next one is due, if any. */
export async function retireFailed(
  ctx: Context,
  seen: SetObservation,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { baseMs, capMs } = ctx.settings.failedShown;
  const { rounds } = ctx.breakers.of(seen.uid);
  const shownMs = Math.min(capMs, baseMs * 2 ** Math.min(Math.max(0, rounds - 1), 20));
  const now = ctx.clock.nowMs();
  const due: EphemeralRunner[] = [];
  let next: number | undefined;
  for (const { key } of seen.views.filter((one) => one.state === "failed")) {
    const runner = seen.byKey.get(key);
    if (!runner) continue;
    const uid = runner.metadata.uid ?? "";
    const since = ctx.memory.of(uid).failedSinceMs ?? now;
    ctx.memory.note(uid, { failedSinceMs: since });
    const rest = since + shownMs - now;
    if (rest > 0) next = Math.min(next ?? rest, rest);
    else due.push(runner);
  }
  await eachLimited(due, { atOnce: ctx.settings.writesAtOnce, signal }, async (runner) => {
    const { reason } = runner.status ?? {};
    ctx.log.info("failed_runner_retired", { runner: objectKey(runner), reason });
    await endRunner(ctx, runner);
  });
  return next;
}
