// Why: no two machines' clocks run alike, and a process can be stopped for a while. Both are made here
// from one true clock, so that a test can hold the believed time against the true one.
import { sleepWith, type Clock } from "@runlet/runtime/clock";

export interface SkewedClock extends Clock {
  /** Moves what the wall clock says, as a correction by NTP or by hand does (F64). */
  jumpWall(ms: number): void;
  /** Stops the process that lives by this clock: until `thaw`, none of its timers fires. */
  freeze(): void;
  thaw(): void;
  /** Resolves at once, or when the process is thawed: to be awaited at the end of each port call. */
  thawed(): Promise<void>;
}

/** A clock that runs `rate` times as fast as `truth` (0.9: a tenth too slow) and can be frozen. */
export function createSkewedClock(truth: Clock, rate: number): SkewedClock {
  const offset = 1_000_000 * rate;
  let wallOffset = 0;
  let frozen = false;
  let held: (() => void)[] = [];

  const after: Clock["after"] = (ms, run) => {
    let cancelled = false;
    const cancel = truth.after(ms / rate, function fire() {
      if (frozen) held.push(fire);
      else if (!cancelled) run();
    });
    return () => {
      cancelled = true;
      cancel();
    };
  };
  return {
    nowMs: () => offset + truth.nowMs() * rate,
    wallMs: () => truth.wallMs() + wallOffset,
    after,
    sleep: (ms, signal) => sleepWith(after, ms, signal),
    jumpWall: (ms) => {
      wallOffset += ms;
    },
    freeze: () => {
      frozen = true;
    },
    thaw: () => {
      frozen = false;
      const due = held;
      held = [];
      for (const fire of due) fire();
    },
    thawed: () => (frozen ? new Promise((resolve) => held.push(resolve)) : Promise.resolve()),
  };
}
