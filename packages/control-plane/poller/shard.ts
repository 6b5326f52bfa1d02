// Why: what every part of one invocation shares: who we are, what we may still do, and how calls are bounded.
// It holds no decision.
import type { CallOptions } from "@runlet/actions-service/service";
import {
  formatFence,
  type Fence,
  type HeldLease,
  type TakeResult,
} from "@runlet/coordination/lease";
import type { Log } from "@runlet/runtime/log";
import type { Clusters } from "./clusters.ts";
import type { PollerDeps, PollerRun } from "./deps.ts";
import { createGate, type Gate } from "./gate.ts";
import { createLimiter, type Limiter } from "./limiter.ts";

export interface Shard {
  deps: PollerDeps;
  run: PollerRun;
  lease: HeldLease;
  /** How the lease became free. */
  takenFrom: (TakeResult & { kind: "taken" })["from"];
  log: Log;
  clusters: Clusters;
  /** Turns pass it; closed before a hand-over or a rest. */
  turns: Gate;
  /** Polls pass it; closed after a hand-over, when those still open may end by themselves. */
  polls: Gate;
  /** Aborted: no effect and no poll may go on. */
  signal: AbortSignal;
  /** No effect may go on or start from now on; polls may stay open. */
  endEffects(): void;
  hasEnded(): boolean;
  /** The number every write carries; it grows when somebody has raised the cluster's. */
  fence(): Fence;
  raiseFence(above: number): Promise<void>;
  /** Resolves when an effect may start; rejects with LeaseLost or the reason of `signal`. */
  guard(): Promise<void>;
  /**
   * One bounded, guarded call with a time limit. Each destination (a scope of the service, a cluster, the table) has
   * its own bound: one that hangs delays nobody who asks another (I22). To one, scale sets take turns by `key`.
   */
  effect<T>(
    destination: string,
    key: string,
    call: (options: Required<CallOptions>) => Promise<T>,
  ): Promise<T>;
}

export function createShard(
  deps: PollerDeps,
  run: PollerRun,
  taken: TakeResult & { kind: "taken" },
  world: { clusters: Clusters; signal: AbortSignal },
): Shard {
  const { lease } = taken;
  let fence = lease.fence;
  const limiters = new Map<string, Limiter>();
  const signal = AbortSignal.any([world.signal, lease.signal]);
  const ended = new AbortController();
  const acting = AbortSignal.any([signal, ended.signal]);

  async function guard(): Promise<void> {
    acting.throwIfAborted();
    await lease.guard();
    acting.throwIfAborted();
  }

  return {
    deps,
    run,
    lease,
    takenFrom: taken.from,
    log: deps.log.with({ shard: run.shard, fence: formatFence(fence) }),
    clusters: world.clusters,
    turns: createGate(),
    polls: createGate(),
    signal,
    endEffects: () => ended.abort(new Error("the shard was given up")),
    hasEnded: () => acting.aborted,
    fence: () => fence,
    async raiseFence(above) {
      // Somebody else of ours may have drawn one meanwhile.
      if (fence.n <= above) fence = await deps.leases.drawFenceAbove(above);
    },
    guard,
    effect(destination, key, call) {
      const limiter = limiters.get(destination) ?? createLimiter(deps.settings.effectsAtOnce);
      limiters.set(destination, limiter);
      return limiter.run(key, acting, async () => {
        await guard();
        return call({ signal: acting, limitMs: limitMs(deps, run, lease) });
      });
    },
  };
}

/** No call may take longer than the effect time-out, nor than what is left of the lease or before the deadline. */
function limitMs(deps: PollerDeps, run: PollerRun, lease: HeldLease): number {
  const now = deps.clock.nowMs();
  const left = Math.min(run.deadlineMs, lease.deadlineMs()) - now;
  return Math.max(1, Math.min(deps.settings.effectTimeoutMs, left));
}
