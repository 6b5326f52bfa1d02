// Why: stories of minutes must run in milliseconds, the same way each time. Virtual time stands still
// while anything is runnable and jumps to the next timer when nothing is.
//
// "Nothing is runnable" means: the microtask queue is empty, and every tracked call has ended. In-process
// servers answer in microtasks, so they need no tracking; whatever leaves the thread (WebCrypto, a
// socket, a file) must be wrapped in `track`, or time would move on while it is under way.
import { sleepWith, type Clock } from "./clock.ts";

/** A clock whose time moves only when `run…` is called. */
export interface VirtualClock extends Clock {
  /** Counts `call` as runnable work until it settles; returns it. */
  track<T>(call: Promise<T>): Promise<T>;
  /** Runs everything due within `ms` of virtual time, in order, then stands at now + ms. */
  runFor(ms: number): Promise<void>;
  /** Runs until `done()` is true. Throws when `limitMs` of virtual time have passed first. */
  runUntil(done: () => boolean, limitMs: number, what?: string): Promise<void>;
  /** Lets everything that is runnable now run, without moving time. Throws when it goes round for ever. */
  settle(): Promise<void>;
  /** Timers not yet fired: for the test that nothing is left waiting. */
  timersCount(): number;
}

interface Timer {
  at: number;
  order: number;
  run: () => void;
}

/** A loop without a wait makes timers at one instant for ever: a story fails then instead of hanging. */
const busyRoundsMax = 100_000;

/** A virtual clock. `startWallMs` is the wall time at virtual 0 (default 2026-01-01T00:00:00Z). */
export function createVirtualClock(startWallMs = 1_767_225_600_000): VirtualClock {
  const timers = createTimerQueue();
  let now = 0;
  let order = 0;
  let open = 0;

  const after = (ms: number, run: () => void) => {
    const timer: Timer = { at: now + Math.max(0, ms), order: order++, run };
    timers.push(timer);
    return () => timers.drop(timer);
  };

  /** setImmediate runs after all microtasks; two quiet rounds and no tracked call mean: settled. */
  async function settle() {
    let busyRounds = 0;
    for (let quiet = 0; quiet < 2;) {
      const before = order;
      await new Promise((resolve) => setImmediate(resolve));
      quiet = open === 0 && before === order ? quiet + 1 : 0;
      if (before !== order && ++busyRounds > busyRoundsMax) {
        throw new Error(`something goes round and round at ${now} ms and lets no time pass`);
      }
    }
  }

  async function runTo(end: number, done: () => boolean): Promise<boolean> {
    for (;;) {
      await settle();
      if (done()) return true;
      const next = timers.peek();
      if (!next || next.at > end) {
        now = Math.max(now, end);
        return false;
      }
      timers.drop(next);
      now = Math.max(now, next.at);
      next.run();
    }
  }

  return {
    nowMs: () => now,
    wallMs: () => startWallMs + now,
    after,
    sleep: (ms, signal) => sleepWith(after, ms, signal),
    track(call) {
      open++;
      const end = () => void open--;
      call.then(end, end);
      return call;
    },
    async runFor(ms) {
      await runTo(now + ms, () => false);
    },
    async runUntil(done, limitMs, what = "the condition") {
      const started = now;
      if (await runTo(now + limitMs, done)) return;
      throw new Error(`${what} did not come true within ${limitMs} ms (from ${started} to ${now})`);
    },
    settle,
    timersCount: () => timers.size(),
  };
}

/** A binary heap by (at, order): timers of one instant fire in the order they were made. */
function createTimerQueue() {
  const heap: Timer[] = [];
  // A timer that has fired may still be cancelled by its owner: only what is in here is waiting.
  const waiting = new Set<Timer>();
  const before = (a: Timer, b: Timer) => a.at < b.at || (a.at === b.at && a.order < b.order);

  function pop() {
    const top = heap[0];
    const last = heap.pop();
    if (!top || !last || heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      const right = left + 1;
      let least = at;
      for (const child of [left, right]) {
        const c = heap[child];
        const l = heap[least];
        if (c && l && before(c, l)) least = child;
      }
      if (least === at) return;
      swap(at, least);
      at = least;
    }
  }
  function swap(a: number, b: number) {
    const x = heap[a];
    const y = heap[b];
    if (!x || !y) return;
    heap[a] = y;
    heap[b] = x;
  }
  return {
    push(timer: Timer) {
      heap.push(timer);
      waiting.add(timer);
      for (let at = heap.length - 1; at > 0;) {
        const parent = (at - 1) >> 1;
        const p = heap[parent];
        const c = heap[at];
        if (!p || !c || !before(c, p)) return;
        swap(at, parent);
        at = parent;
      }
    },
    peek(): Timer | undefined {
      while (heap[0] && !waiting.has(heap[0])) pop();
      return heap[0];
    },
    drop(timer: Timer) {
      if (waiting.delete(timer) && heap[0] === timer) pop();
    },
    size: () => waiting.size,
  };
}
