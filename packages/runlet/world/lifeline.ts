// Why: a killed process does not throw. Its open calls neither resolve nor reject ever again, its `finally`
// blocks never run, its sockets are reset. A frozen one hears nothing until it is woken, and then
// everything at once. A lifeline gives an in-process invocation exactly that life: everything that can
// make one of its lines run goes through `deliver`.
import type { Invoker } from "@runlet/coordination/invoker";
import type { Table } from "@runlet/coordination/table";
import { sleepWith, type Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Log } from "@runlet/runtime/log";

/** The outside world of one invocation. */
export interface Ports {
  clock: Clock;
  fetch: Fetch;
  table: Table;
  invoker: Invoker;
  log: Log;
}

/** One effect of an invocation, seen just before it is handed out and just after its answer is in. */
export interface EffectPoint {
  /** Counts from 0 within the invocation. */
  index: number;
  phase: "before" | "after";
  /** `fetch PATCH /apis/…`, `table put lease/…`, `invoke shard-0`. */
  what: string;
}

export interface Lifeline {
  ports: Ports;
  kill(): void;
  freeze(): void;
  thaw(): void;
  state(): "alive" | "frozen" | "dead";
  /** What the dead still tried; anything here means that a line ran after the kill. */
  afterDeath: string[];
  /** Effects handed out so far. */
  effectsCount(): number;
}

/** Wraps `ports`; `onEffect` may call `kill` or `freeze` to strike at that very line. */
export function createLifeline(
  ports: Ports,
  onEffect: (point: EffectPoint, life: Lifeline) => void = () => {},
): Lifeline {
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
    if (is("frozen")) {
      // The line before the call was the last one that ran; the call is made on waking.
      return new Promise((resolve, reject) => {
        waiting.push(() => void call().then(resolve, reject));
      });
    }
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        if (!is("dead")) onEffect({ index, phase: "after", what }, life);
        deliver(settle);
      };
      call().then(
        (value) => end(() => resolve(value)),
        (error: unknown) => end(() => reject(error as Error)),
      );
    });
  }

  const after = (ms: number, run: () => void) => ports.clock.after(ms, () => deliver(run));
  const clock: Clock = {
    nowMs: () => ports.clock.nowMs(),
    wallMs: () => ports.clock.wallMs(),
    after,
    sleep: (ms, signal) => sleepWith(after, ms, signal),
  };

  const life: Lifeline = {
    ports: {
      clock,
      fetch: (url, init) =>
        effect(`fetch ${init?.method ?? "GET"} ${pathOf(url)}`, () =>
          fetchUntilDeath(ports.fetch, death.signal, deliver, url, init),
        ),
      table: {
        get: (key) => effect(`table get ${key}`, () => ports.table.get(key)),
        put: (row, when) => effect(`table put ${row.key}`, () => ports.table.put(row, when)),
        list: (prefix) => effect(`table list ${prefix}`, () => ports.table.list(prefix)),
        remove: (key, version) =>
          effect(`table remove ${key}`, () => ports.table.remove(key, version)),
      },
      invoker: {
        invoke: (event) => effect(`invoke ${event.shard}`, () => ports.invoker.invoke(event)),
      },
      log: quietWhenDead(ports.log, () => !is("dead"), afterDeath),
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

function pathOf(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname : url;
}

/** A fetch whose connection is reset by the death of its caller, and whose body goes through `deliver`. */
async function fetchUntilDeath(
  fetch: Fetch,
  death: AbortSignal,
  deliver: (run: () => void) => void,
  url: string,
  init: Parameters<Fetch>[1],
): Promise<Response> {
  const signal = init?.signal ? AbortSignal.any([init.signal, death]) : death;
  const answer = await fetch(url, { ...init, signal });
  if (!answer.body) return answer;
  const reader = answer.body.getReader();
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) =>
      new Promise((resolve) => {
        const settle = (act: () => void) =>
          deliver(() => {
            act();
            resolve();
          });
        reader.read().then(
          ({ done, value }) =>
            settle(() => (done ? controller.close() : controller.enqueue(value))),
          (error: unknown) => settle(() => controller.error(error)),
        );
      }),
    cancel: (reason) => reader.cancel(reason),
  });
  const { status, statusText, headers } = answer;
  return new Response(body, { status, statusText, headers });
}

function quietWhenDead(log: Log, alive: () => boolean, afterDeath: string[]): Log {
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
    with: (fields) => quietWhenDead(log.with(fields), alive, afterDeath),
  };
}
