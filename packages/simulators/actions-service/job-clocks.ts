// Why: three rules of the service wait: a job that nobody acquires is announced again, an acquired
// one becomes assigned after a while, and an assigned one that no runner starts is given up. One
// clock a job, which its next piece of news stops.
import type { Clock } from "@runlet/runtime/clock";
import type { Job, News } from "../job-ledger/ledger.ts";
import type { Knobs } from "./knobs.ts";

export interface JobClocks {
  follow(news: News): void;
  stop(): void;
}

interface Deps {
  clock: Clock;
  knobs: () => Knobs;
  announce: (job: Job) => void;
  assign: (job: Job) => void;
  giveUp: (job: Job) => void;
}

export function createJobClocks({ clock, knobs, announce, assign, giveUp }: Deps): JobClocks {
  /** By job: what cancels its running clock. */
  const clocks = new Map<string, () => void>();

  function start(key: string, ms: number, run: () => void) {
    const cancel = clock.after(ms, () => {
      clocks.delete(key);
      run();
    });
    clocks.set(key, cancel);
  }

  return {
    follow(news) {
      if (!("job" in news)) return;
      const { job } = news;
      clocks.get(job.key)?.();
      clocks.delete(job.key);
      const { reannounceAfterMs, assignDelayMs, startTimeoutMs } = knobs();
      if (news.kind === "job-available" && reannounceAfterMs > 0) {
        start(job.key, reannounceAfterMs, () => announce(job));
      }
      if (news.kind === "job-acquired" && assignDelayMs > 0) {
        start(job.key, assignDelayMs, () => assign(job));
      }
      if (news.kind === "job-assigned") {
        // GitHub waits longer at each further try; how much longer is not documented.
        start(job.key, startTimeoutMs * 2 ** job.requeuesCount, () => giveUp(job));
      }
    },
    stop() {
      for (const cancel of clocks.values()) cancel();
      clocks.clear();
    },
  };
}
