// Why: GitHub lets 1,500 runners register in five minutes for a repository, organisation or
// enterprise (docs.github.com, "Usage limits for self-hosted runners"); a burst beyond that is
// answered 429.
import type { Simulation } from "./simulation.ts";

export interface RegistrationLimit {
  /** Whole seconds until the scope may register one more; 0: now. */
  waitSeconds(scope: string): number;
  count(scope: string): void;
}

export function createRegistrationLimit({
  clock,
  knobs,
}: Pick<Simulation, "clock" | "knobs">): RegistrationLimit {
  const instants = new Map<string, number[]>();
  return {
    waitSeconds(scope) {
      const { registrationsMax, registrationWindowMs } = knobs();
      const since = clock.nowMs() - registrationWindowMs;
      const recent = (instants.get(scope) ?? []).filter((at) => at > since);
      instants.set(scope, recent);
      if (recent.length < registrationsMax) return 0;
      const oldest = recent[recent.length - registrationsMax] ?? clock.nowMs();
      return Math.max(1, Math.ceil((oldest - since) / 1000));
    },
    count(scope) {
      instants.set(scope, [...(instants.get(scope) ?? []), clock.nowMs()]);
    },
  };
}
