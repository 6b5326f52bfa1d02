// Why: a cluster that does not answer must be known as such before the next job comes, or the first effect of
// every turn waits for its time-out; and it must not be flooded when it is back.
import type { KubernetesClient } from "@runlet/kubernetes/client";
import { describeError } from "@runlet/runtime/log";
import type { PollerDeps } from "./deps.ts";

export interface Health {
  isHealthy(): boolean;
  /**
   * After an outage: the most runners without a job it may get now; doubles with each probe time, then
   * undefined (no limit).
   */
  allowance(): number | undefined;
  /** A call got an answer, whatever it said. */
  answered(): void;
  /** A probe got an answer: while there is an allowance, it may have grown. */
  probed(): void;
  /** A call got none. */
  silent(error: unknown): void;
}

/** So many doublings after the return there is no limit any more. */
const doublings = 8;

export function createHealth(deps: PollerDeps, cluster: string, changed: () => void): Health {
  const { clock, settings } = deps;
  let silentSince: number | undefined;
  let backSince: number | undefined;
  function answered(): boolean {
    if (silentSince === undefined) return false;
    const silentMs = Math.round(clock.nowMs() - silentSince);
    deps.log.info("cluster_answers_again", { cluster, silentMs });
    silentSince = undefined;
    backSince = clock.nowMs();
    changed();
    return true;
  }
  return {
    isHealthy: () => silentSince === undefined,
    allowance() {
      if (backSince === undefined) return undefined;
      const steps = Math.floor((clock.nowMs() - backSince) / settings.probeEveryMs);
      if (steps < doublings) return 2 ** steps;
      backSince = undefined;
      return undefined;
    },
    answered: () => void answered(),
    probed() {
      if (!answered() && backSince !== undefined) changed();
    },
    silent(error) {
      if (silentSince !== undefined) return;
      silentSince = clock.nowMs();
      deps.log.warn("cluster_silent", { cluster, error: describeError(error) });
      changed();
    },
  };
}

/** Asks for the server's version each probe time; two misses in a row, or one missed effect, mean silent. */
export async function probeCluster(
  deps: PollerDeps,
  client: KubernetesClient,
  health: Health,
  signal: AbortSignal,
): Promise<void> {
  const { clock, settings } = deps;
  for (let misses = 0; !signal.aborted;) {
    await clock.sleep(settings.probeEveryMs, signal).catch(() => {});
    if (signal.aborted) return;
    try {
      await client.version({ signal, limitMs: settings.effectTimeoutMs });
      misses = 0;
      health.probed();
    } catch (error) {
      if (signal.aborted) return;
      if (++misses >= 2 || !health.isHealthy()) health.silent(error);
    }
  }
}
