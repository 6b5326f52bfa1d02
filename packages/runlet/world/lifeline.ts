// Why: a killed process does not throw. Its open calls neither resolve nor reject ever again, its `finally`
// blocks never run, its sockets are reset. A frozen one hears nothing until it is woken, and then
// everything at once. A lifeline gives an in-process program exactly that life: everything that can make
// one of its lines run is a port wrapped here.
import type { Invoker } from "@runlet/coordination/invoker";
import type { Table } from "@runlet/coordination/table";
import { sleepWith, type Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Log } from "@runlet/runtime/log";

/** One effect of a program, seen just before it is handed out and just after its answer is in. */
export interface EffectPoint {
  /** Counts from 0 within the program's life. */
  index: number;
  phase: "before" | "after";
  /** `fetch PATCH /apis/…`, `table put lease/…`, `invoke shard-0`. */
  what: string;
}

/** The outside world of a program; one that does not use a port leaves it out. */
export interface Ports {
  clock?: Clock;
  fetch?: Fetch;
  table?: Table;
  invoker?: Invoker;
  log?: Log;
}

export interface Lifeline<P extends Ports = Required<Ports>> {
  /** The program's own view of its ports. */
  ports: P;
  kill(): void;
  freeze(): void;
  thaw(): void;
  state(): "alive" | "frozen" | "dead";
  /** What the dead still tried; anything here means that a line ran after the kill. */
  afterDeath: string[];
  /** Effects handed out so far. */
  effectsCount(): number;
}

interface Body {
  deliver: (run: () => void) => void;
  effect: <T>(what: string, call: () => Promise<T>) => Promise<T>;
  death: AbortSignal;
}

/** A new life over `ports`; `onEffect` may call `kill` or `freeze` to strike at that very line. */
export function createLifeline<P extends Ports>(
  ports: P,
  onEffect: (point: EffectPoint, life: Lifeline<P>) => void = () => {},
): Lifeline<P> {
  let state: "alive" | "frozen" | "dead" = "alive";
  const is = (one: typeof state) => state === one;
  let effects = 0;
  const waiting: (() => void)[] = [];
  const death = new AbortController();
  const afterDeath: string[] = [];

  const deliver = (run: () => void) => {
    if (is("alive")) run();
    else if (is("frozen")) waiting.push(run);
  };

  /** An effect: struck before (it never happens), or after (it happened, and nobody hears of it). */
  function effect<T>(what: string, call: () => Promise<T>): Promise<T> {
    if (is("dead")) {
      afterDeath.push(what);
      return never();
    }
    const index = effects++;
    onEffect({ index, phase: "before", what }, life);
    if (is("dead")) return never();
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        if (!is("dead")) onEffect({ index, phase: "after", what }, life);
        deliver(settle);
      };
      // Frozen just now: the line before the call was the last one that ran; the call is made on waking.
      deliver(() => {
        call().then(
          (value) => end(() => resolve(value)),
          (error: unknown) => end(() => reject(error as Error)),
        );
      });
    });
  }

  const body: Body = { deliver, effect, death: death.signal };
  const { clock, fetch, table, invoker, log } = ports;
  const life: Lifeline<P> = {
    ports: {
      ...ports,
      ...(clock && { clock: wrapClock(body, clock) }),
      ...(fetch && { fetch: wrapFetch(body, fetch) }),
      ...(table && { table: wrapTable(body, table) }),
      ...(invoker && { invoker: wrapInvoker(body, invoker) }),
      ...(log && { log: wrapLog(log, () => !is("dead"), afterDeath) }),
    },
    kill() {
      state = "dead";
      waiting.length = 0;
      death.abort(new Error("killed"));
    },
    freeze() {
      if (is("alive")) state = "frozen";
    },
    thaw() {
      if (!is("frozen")) return;
      state = "alive";
      for (const run of waiting.splice(0)) deliver(run);
    },
    state: () => state,
    afterDeath,
    effectsCount: () => effects,
  };
  return life;
}

function never<T>(): Promise<T> {
  return new Promise(() => {});
}

/** The dead wait for nothing: their timers go with them. */
function wrapClock({ deliver, death }: Body, clock: Clock): Clock {
  const timers = new Set<() => void>();
  death.addEventListener("abort", () => timers.forEach((cancel) => cancel()), { once: true });
  const after = (ms: number, run: () => void) => {
    if (death.aborted) return () => {};
    const cancel = clock.after(ms, () => {
      timers.delete(drop);
      deliver(run);
    });
    const drop = () => {
      timers.delete(drop);
      cancel();
    };
    timers.add(drop);
    return drop;
  };
  return {
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs(),
    after,
    sleep: (ms, signal) => sleepWith(after, ms, signal),
  };
}

function wrapInvoker({ effect }: Body, invoker: Invoker): Invoker {
  return {
    invoke: (event) => effect(`invoke ${event.shard}`, () => invoker.invoke(event)),
  };
}

function wrapTable({ effect }: Body, table: Table): Table {
  return {
    get: (key) => effect(`table get ${key}`, () => table.get(key)),
    put: (row, when) => effect(`table put ${row.key}`, () => table.put(row, when)),
    list: (prefix) => effect(`table list ${prefix}`, () => table.list(prefix)),
    remove: (key, version) => effect(`table remove ${key}`, () => table.remove(key, version)),
  };
}

/** A fetch whose connection is reset by the death of its caller, and whose body comes through `deliver`. */
function wrapFetch({ effect, deliver, death }: Body, fetch: Fetch): Fetch {
  return (url, init) =>
    effect(`fetch ${init?.method ?? "GET"} ${pathOf(url)}`, async () => {
      // Frozen before it was sent, it is sent on waking, unless its caller sees to that.
      init?.beforeSend?.();
      const signal = init?.signal ? AbortSignal.any([init.signal, death]) : death;
      const answer = await fetch(url, { ...init, signal });
      if (!answer.body) return answer;
      const { status, statusText, headers } = answer;
      const body = throughDelivery(answer.body, deliver);
      return new Response(body, { status, statusText, headers });
    });
}

function throughDelivery(from: ReadableStream<Uint8Array>, deliver: Body["deliver"]) {
  const reader = from.getReader();
  let cancelled = false;
  return new ReadableStream<Uint8Array>({
    pull: (controller) =>
      new Promise((resolve) => {
        const settle = (act: () => void) =>
          deliver(() => {
            // Whoever cancelled the stream has closed it.
            if (!cancelled) act();
            resolve();
          });
        reader.read().then(
          ({ done, value }) =>
            settle(() => (done ? controller.close() : controller.enqueue(value))),
          (error: unknown) => settle(() => controller.error(error)),
        );
      }),
    cancel(reason) {
      cancelled = true;
      return reader.cancel(reason);
    },
  });
}

function pathOf(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname : url;
}

function wrapLog(log: Log, alive: () => boolean, afterDeath: string[]): Log {
  const say =
    (level: "debug" | "info" | "warn" | "error"): Log["info"] =>
    (event, fields) => {
      if (alive()) log[level](event, fields);
      else afterDeath.push(`log ${event}`);
    };
  return {
    debug: say("debug"),
    info: say("info"),
    warn: say("warn"),
    error: say("error"),
    with: (fields) => wrapLog(log.with(fields), alive, afterDeath),
  };
}
