// Why: some facts about a runner are not worth a write to the cluster: that a registration was just made,
// that the service just said "busy". All of it may be lost at any moment; a fresh process asks again.

export interface RunnerFacts {
  /** The registration made for this runner by this process. */
  registration?: { runnerId: number; runnerName: string; atMs: number };
  /** This process knows that the registration has ended. */
  registrationGone?: boolean;
  /** The cluster refuses the pod: by quota or admission. Since when (monotonic ms). */
  refusedSinceMs?: number;
  /** No pass does anything for this runner before (monotonic ms). */
  notBeforeMs?: number;
  /** The service said "busy"; ask again after (monotonic ms). */
  busyUntilMs?: number;
  /** When the service is asked next whether it knows a runner that has run for long (monotonic ms). */
  checkDueMs?: number | undefined;
  /** What the last of these questions showed that should not be. */
  doubt?: "absent" | "offline" | undefined;
  /** The registration that was in the way at the last attempt. */
  conflictWith?: number;
  /** Registrations in a row that failed. */
  registrationFailures?: number;
  /** Pod, Secret and registration of a runner that is done are gone. */
  tidied?: boolean;
  /** It is being deleted and our finalizers are off it. */
  released?: boolean;
  /** First seen in phase Failed (monotonic ms). */
  failedSinceMs?: number;
}

export interface RunnerMemory {
  of(uid: string): Readonly<RunnerFacts>;
  note(uid: string, facts: RunnerFacts): void;
  /** Forgets the registration and what hangs on it. */
  unregister(uid: string): void;
  forget(uid: string): void;
}

export function createRunnerMemory(): RunnerMemory {
  const facts = new Map<string, RunnerFacts>();
  const nothing: RunnerFacts = {};
  return {
    of: (uid) => facts.get(uid) ?? nothing,
    note(uid, more) {
      facts.set(uid, { ...facts.get(uid), ...more });
    },
    unregister(uid) {
      const { registration: _r, registrationGone: _g, ...rest } = facts.get(uid) ?? nothing;
      facts.set(uid, rest);
    },
    forget: (uid) => void facts.delete(uid),
  };
}
