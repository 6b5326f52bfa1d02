// Why: one pass for one runner set: observe it and its runners, plan, create or remove, write back.
import {
  annotations,
  ephemeralRunnerSets,
  finalizers,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { isRunnerSetOfArc } from "../../arc.ts";
import { creatable } from "../../breaker.ts";
import { formatBreaker, parseBreaker } from "../../breaker-note.ts";
import type { Context } from "../../context.ts";
import { eachLimited } from "../../each-limited.ts";
import { keyOf, parseKey } from "../../object-key.ts";
import { protectObject } from "../../protect-object.ts";
import { keepProxySecret } from "../../proxy-secret.ts";
import type { PassResult } from "../../work-queue.ts";
import { isDraining } from "../autoscaling-runner-set/runner-set.ts";
import { endRunner } from "../ephemeral-runner/end-runner.ts";
import { cureIdleness } from "./cure-idleness.ts";
import { createRunners, resolveUnanswered } from "./create-runners.ts";
import { finalizeSet } from "./finalize.ts";
import { observeSet, type SetObservation } from "./observe.ts";
import { planScale, type ScalePlan } from "./plan-scale.ts";
import { planStatus, refusedInMs, type RefusalRules } from "./plan-status.ts";
import { removeIdle } from "./remove-idle.ts";
import { retireFailed } from "./retire.ts";
import { nothingActed, writeNotes, writeStatus } from "./write-back.ts";

/** What this controller keeps between passes, by uid of the set. All of it may be lost. */
export interface SetMemory {
  /** Patch ids as the watch brought them: a number that comes a second time is a new order. */
  seenPatchIds: Map<string, number>;
  newOrders: Set<string>;
  statusWrites: Map<string, number>;
}

export function createSetMemory(): SetMemory {
  return { seenPatchIds: new Map(), newOrders: new Set(), statusWrites: new Map() };
}

/** To be called for every change that the watch brings. */
export function noteOrder(memory: SetMemory, set: EphemeralRunnerSet): void {
  const uid = set.metadata.uid ?? "";
  const before = memory.seenPatchIds.get(uid);
  memory.seenPatchIds.set(uid, set.spec.patchID);
  if (before !== undefined && before !== set.spec.patchID) memory.newOrders.add(uid);
}

export async function reconcileRunnerSet(
  ctx: Context,
  memory: SetMemory,
  key: string,
  signal: AbortSignal,
): Promise<PassResult> {
  const set = ctx.kinds.runnerSets.find(parseKey(key));
  if (!set || !ctx.scope.manages(set.metadata.namespace ?? "")) return {};
  if (isRunnerSetOfArc(ctx, set)) return {};
  const seen = observeSet(ctx, set);
  if (set.metadata.deletionTimestamp) return finalizeSet(ctx, seen, signal);
  const own = [finalizers.ephemeralRunnerSet];
  const kept = await protectObject(ctx, ephemeralRunnerSets, ctx.kinds.runnerSets, set, own);
  if (kept !== set) return kept ? { againMs: 0 } : {};
  if ((await resolveUnanswered(ctx, seen)) > 0) return { againMs: 0 };
  const plan = planFor(ctx, memory, seen);
  const { refused, cureMs } = await apply(ctx, memory, seen, plan, signal);
  const retireMs = await retireFailed(ctx, seen, signal);
  return writeBack(ctx, memory, { plan, refused, waits: [cureMs, retireMs] }, set);
}

function planFor(ctx: Context, memory: SetMemory, seen: SetObservation): ScalePlan {
  const { set, uid, views } = seen;
  learnBreaker(ctx, seen);
  if (isProven(ctx, seen)) ctx.breakers.succeeded(uid);
  return planScale({
    replicas: Math.max(0, set.spec.replicas ?? 0),
    patchId: set.spec.patchID,
    actedPatchId: actedPatchIdOf(seen),
    hasNewOrder: memory.newOrders.has(uid),
    outdated: planStatus(seen.runners, views, rulesOf(ctx)).phase === "Outdated",
    draining: isDraining(set),
    creatable: creatable(ctx.breakers.of(uid), ctx.clock.nowMs()),
    runners: views,
  });
}

function learnBreaker(ctx: Context, { uid, set, specHash }: SetObservation): void {
  const { breakerOpensAfter: opensAfter, breaker: backoff } = ctx.settings;
  ctx.breakers.learn(uid, specHash, () => {
    const now = { nowMs: ctx.clock.nowMs(), wallMs: ctx.clock.wallMs() };
    const text = set.metadata.annotations?.[annotations.breaker];
    return parseBreaker(text, specHash, now, { opensAfter, backoff });
  });
}

/** After failures: a runner that was let through on trial has been running for a while, at its first attempt. */
function isProven(ctx: Context, { uid, runners }: SetObservation): boolean {
  const { rounds, sinceWallMs } = ctx.breakers.of(uid);
  if (rounds === 0) return false;
  const until = ctx.clock.wallMs() - ctx.settings.provenAfterMs;
  // Creation times have whole seconds.
  const since = Math.floor(sinceWallMs / 1_000) * 1_000;
  return runners.some(({ metadata, status }) => {
    const createdAt = Date.parse(metadata.creationTimestamp ?? "");
    const failures = Object.keys(status?.failures ?? {}).length;
    return (
      status?.phase === "Running" && failures === 0 && createdAt >= since && createdAt <= until
    );
  });
}

/** Before our first act on a set that ARC made, its own rule holds: the highest number of a child. */
function actedPatchIdOf(seen: SetObservation): number | undefined {
  const text = seen.set.metadata.annotations?.[annotations.actedPatchId];
  if (text === nothingActed) return undefined;
  if (text !== undefined && /^\d{1,10}$/.test(text)) return Number(text);
  const ofChildren = seen.runners.map((one) =>
    Number(one.metadata.annotations?.[annotations.patchId]),
  );
  const numbers = ofChildren.filter((one) => Number.isInteger(one));
  return numbers.length > 0 ? Math.max(...numbers) : undefined;
}

/** Creates and removes; resolves to how many creations the cluster refused, and when idle runners need a look. */
async function apply(
  ctx: Context,
  memory: SetMemory,
  seen: SetObservation,
  plan: ScalePlan,
  signal: AbortSignal,
): Promise<{ refused: number; cureMs: number | undefined }> {
  // From here on a further change of the number is a further order.
  memory.newOrders.delete(seen.uid);
  try {
    const leaving = [...plan.removeAtOnce, ...plan.replaceAtOnce];
    await eachLimited(leaving, { atOnce: ctx.settings.writesAtOnce, signal }, async ({ key }) => {
      const runner = seen.byKey.get(key);
      if (runner) await endRunner(ctx, runner);
    });
    if (plan.removeCount > 0) await removeIdle(ctx, seen, plan.idle, plan.removeCount, signal);
    const recycled = await removeIdle(ctx, seen, plan.recycle, plan.recycle.length, signal);
    if (!plan.replaces) {
      // What is wanted is made when another template is here.
      memory.newOrders.add(seen.uid);
      return { refused: 0, cureMs: undefined };
    }
    const cure = await cureIdleness(ctx, seen, signal);
    const replaced = recycled + plan.replaceAtOnce.length + cure.replaced;
    return {
      refused: await create(ctx, seen, plan.create + replaced, signal),
      cureMs: cure.againMs,
    };
  } catch (error) {
    if (plan.acts) memory.newOrders.add(seen.uid);
    throw error;
  }
}

async function create(
  ctx: Context,
  seen: SetObservation,
  count: number,
  signal: AbortSignal,
): Promise<number> {
  if (count === 0) return 0;
  await keepProxySecret(ctx, seen.set);
  ctx.breakers.tried(seen.uid, { nowMs: ctx.clock.nowMs(), wallMs: ctx.clock.wallMs() });
  const { created, refused, message } = await createRunners(ctx, seen, count, signal);
  const fields = { set: seen.set.metadata.name, patchId: seen.set.spec.patchID, created, refused };
  ctx.log.info("runners_created", fields);
  if (refused > 0) {
    // The order stays owed: without this each change of each runner would ask again.
    ctx.breakers.refused(seen.uid, ctx.clock.nowMs() + ctx.settings.quotaRetryMs);
    await ctx.events.warn(seen.set, "EphemeralRunnerSet", "RunnersRefused", message);
  }
  return refused;
}

interface Done {
  plan: ScalePlan;
  refused: number;
  /** Ms until something is due. */
  waits: (number | undefined)[];
}

async function writeBack(
  ctx: Context,
  memory: SetMemory,
  done: Done,
  was: EphemeralRunnerSet,
): Promise<PassResult> {
  const { plan, refused } = done;
  const set = ctx.kinds.runnerSets.find(keyOf(was)) ?? was;
  if (set.metadata.uid !== was.metadata.uid) return {};
  const after = observeSet(ctx, set);
  const held = plan.withheld + refused;
  const rules = rulesOf(ctx);
  const refusals = after.runners.map((one) => refusedInMs(one, rules));
  const refusedCount = held + refusals.filter((ms) => ms === 0).length;
  // An order that could not be carried out in full stays owed; the pass acted on what it had read.
  const isCarriedOut = plan.acts && held === 0;
  const isUndone = !plan.replaces && held > 0;
  const actedPatchId = isCarriedOut ? was.spec.patchID : isUndone ? nothingActed : undefined;
  const breaker = formatBreaker(ctx.breakers.of(after.uid), after.specHash);
  await writeNotes(ctx, set, { actedPatchId, refusedCount, breaker });
  const latest = ctx.kinds.runnerSets.find(keyOf(was)) ?? set;
  const status = planStatus(after.runners, after.views, rules);
  const statusMs = await writeStatus(ctx, latest, status, memory.statusWrites);
  const busy = plan.removeCount > 0 || plan.recycle.length > 0;
  return {
    againMs: earliest([
      statusMs || undefined,
      ...done.waits,
      ...refusals.filter((ms) => ms !== 0),
      held > 0 && plan.replaces ? waitForRoom(ctx, after) : undefined,
      busy ? ctx.settings.busyRetryMs : undefined,
    ]),
  };
}

function rulesOf({ clock, settings }: Context): RefusalRules {
  return { wallMs: clock.wallMs(), startTroubleMs: settings.startTroubleMs };
}

function waitForRoom(ctx: Context, { uid }: SetObservation): number {
  const { openUntilMs, refusedUntilMs } = ctx.breakers.of(uid);
  const restMs = Math.max(openUntilMs, refusedUntilMs) - ctx.clock.nowMs();
  return Math.max(1_000, restMs > 0 ? restMs : ctx.settings.quotaRetryMs);
}

function earliest(waits: (number | undefined)[]): number | undefined {
  const given = waits.filter((one) => one !== undefined);
  return given.length > 0 ? Math.min(...given) : undefined;
}
