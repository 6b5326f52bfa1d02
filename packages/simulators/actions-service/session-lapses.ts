// Why: a session that nobody uses is given up after a while, as GitHub does after about 90 s; that
// is what a listener which was killed leaves its successor with.
import type { Clock } from "@runlet/runtime/clock";
import type { SimulatedSession } from "./sessions.ts";

/** One timer a session, set again only when it fires too early: activity itself costs nothing. */
export function createSessionLapses(
  clock: Clock,
  lapseMs: () => number,
  lapse: (session: SimulatedSession) => void,
) {
  const timers = new Map<SimulatedSession, () => void>();
  let stopped = false;
  function arm(session: SimulatedSession) {
    if (stopped || timers.has(session)) return;
    const due = session.lastActivityAt + lapseMs() - clock.nowMs();
    const cancel = clock.after(due, () => {
      timers.delete(session);
      // An open poll keeps it alive; the poll's end arms again.
      if (session.openPollsCount > 0) return;
      if (clock.nowMs() - session.lastActivityAt >= lapseMs()) lapse(session);
      else arm(session);
    });
    timers.set(session, cancel);
  }
  return {
    arm,
    drop(session: SimulatedSession) {
      timers.get(session)?.();
      timers.delete(session);
    },
    stop() {
      stopped = true;
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}
