// Why: a durable commit waits for the disk, and the thread with it: fifty checkpoints that come together would stop
// two hundred polls for fifty waits. Writes of one turn of the event loop share a transaction, so they share the wait
// ("group commit", as dev.mysql.com's binary log and PostgreSQL's commit_delay do it).
import { afterIo } from "@runlet/runtime/after-io";
import { TableBusy } from "./table.ts";

/** So many writes share a commit: the lock is never held for longer than they take. */
const togetherMax = 64;

interface Write {
  run: () => void;
  /** The transaction is durable: tells the caller what `run` found. */
  done: () => void;
  reject: (error: unknown) => void;
}

/**
 * Returns what runs a write in one transaction with its neighbours, in order of arrival; one that throws fails alone.
 * `commit` runs its argument in a transaction, as often as it takes to get the lock; when it rejects, nothing of it
 * has happened.
 */
export function createGroupCommit(
  commit: (run: () => void) => Promise<void>,
): <T>(write: () => T) => Promise<T> {
  let waiting: Write[] = [];
  let running = false;

  async function flush(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      await afterIo();
      const together = waiting.slice(0, togetherMax);
      waiting = waiting.slice(togetherMax);
      await commitTogether(commit, together);
    }
    running = false;
  }

  return <T>(write: () => T) =>
    new Promise<T>((resolve, reject) => {
      const found: T[] = [];
      const run = () => void (found[0] = write());
      const done = () => found.forEach((result) => resolve(result));
      waiting.push({ run, done, reject });
      if (!running) void flush();
    });
}

async function commitTogether(
  commit: (run: () => void) => Promise<void>,
  writes: readonly Write[],
): Promise<void> {
  try {
    await commit(() => writes.forEach(({ run }) => run()));
    for (const { done } of writes) done();
  } catch (error) {
    // Whose fault it was is not known: each alone, and only that one hears of it. A lock is nobody's fault.
    if (writes.length === 1 || error instanceof TableBusy) {
      for (const { reject } of writes) reject(error);
      return;
    }
    for (const write of writes) await commitTogether(commit, [write]);
  }
}
