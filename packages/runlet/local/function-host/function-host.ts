// Why: Lambda on one machine. The same entries, started the same way (the Runtime API), with Lambda's rules
// for asynchronous invocation: at least once, 0–2 retries, then the on-failure destination; a reserved
// concurrency that makes events wait (docs.aws.amazon.com/lambda/latest/dg/invocation-async.html).
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import {
  startContainer,
  type Container,
  type FunctionSpec,
  type InvocationResult,
} from "./container.ts";

export interface HostedFunction extends FunctionSpec {
  /** Retries of a failed asynchronous invocation (0–2). */
  retries: number;
  /** Containers at once, at most. */
  reservedConcurrency: number;
  /** Called with the payload when an asynchronous invocation has failed for good. */
  onFailure?: (payload: string) => void;
}

export interface FunctionHost {
  /** Runs the function and resolves to its result. */
  invoke(name: string, payload: string): Promise<InvocationResult>;
  /** Queues an asynchronous invocation; resolves when it is accepted. */
  invokeAsync(name: string, payload: string): Promise<void>;
  /** The live containers: for faults and for the status line. */
  containers(): { function: string; pid: number | undefined; busyWith: string | undefined }[];
  /** Kills every container and waits for their ends; nothing is started afterwards. */
  stop(): Promise<void>;
}

export interface FunctionHostDeps {
  clock: Clock;
  random: Random;
  log: Log;
  nodePath: string;
  /** What containers inherit (PATH, HOME); nothing else does. */
  parentEnvironment: Record<string, string>;
  functions: Record<string, HostedFunction>;
  /** Delays before the first and the second retry; Lambda waits one, then two minutes. */
  retryDelaysMs?: readonly [number, number];
}

interface Slot {
  container: Container;
  idle: boolean;
}

/** A function host with no container yet; they are started as invocations come. */
export function createFunctionHost(deps: FunctionHostDeps): FunctionHost {
  const pools = new Map(
    Object.keys(deps.functions).map((name) => [name, createPool(deps, name, specOf(deps, name))]),
  );
  const retryDelays = deps.retryDelaysMs ?? ([60_000, 120_000] as const);
  const stopping = new AbortController();
  const poolOf = (name: string) => {
    const pool = pools.get(name);
    if (!pool) throw new Error(`there is no function ${name}`);
    return pool;
  };

  async function runAsync(name: string, payload: string) {
    const spec = specOf(deps, name);
    for (let attempt = 0; !stopping.signal.aborted; attempt++) {
      const result = await poolOf(name).run(payload);
      if (result.ok || stopping.signal.aborted) return;
      deps.log.warn("invocation_failed", { function: name, attempt, error: result.error });
      if (attempt >= spec.retries) return spec.onFailure?.(payload);
      await deps.clock.sleep(retryDelays[attempt === 0 ? 0 : 1], stopping.signal);
    }
  }

  return {
    invoke: (name, payload) => poolOf(name).run(payload),
    async invokeAsync(name, payload) {
      poolOf(name);
      runAsync(name, payload).catch((error: unknown) => {
        if (!stopping.signal.aborted) deps.log.error("invocation_lost", { function: name, error });
      });
    },
    containers: () => [...pools.values()].flatMap((pool) => pool.containers()),
    async stop() {
      stopping.abort(new Error("the function host stops"));
      await Promise.all([...pools.values()].map((pool) => pool.stop()));
    },
  };
}

function specOf(deps: FunctionHostDeps, name: string): HostedFunction {
  const spec = deps.functions[name];
  if (!spec) throw new Error(`there is no function ${name}`);
  return spec;
}

/** The containers of one function and the invocations that wait for one. */
function createPool(deps: FunctionHostDeps, name: string, spec: HostedFunction) {
  const slots = new Set<Slot>();
  const queue: { payload: string; resolve: (result: InvocationResult) => void }[] = [];
  const starting = new Set<Promise<void>>();
  let stopped = false;

  function addContainer() {
    const started = startContainer(deps, spec).then(
      (container) => {
        starting.delete(started);
        adopt(container);
      },
      (error: unknown) => {
        starting.delete(started);
        deps.log.error("container_not_started", { function: name, error });
        queue.shift()?.resolve({ ok: false, error: String(error) });
      },
    );
    starting.add(started);
  }

  function adopt(container: Container) {
    const slot: Slot = { container, idle: true };
    slots.add(slot);
    container.ended.then(
      () => {
        slots.delete(slot);
        pump();
      },
      () => {},
    );
    pump();
  }

  function pump() {
    for (const slot of slots) {
      if (!slot.idle) continue;
      const next = queue.shift();
      if (!next) return;
      slot.idle = false;
      const run = slot.container.run({ id: deps.random.uuid(), payload: next.payload });
      run.then(
        (result) => {
          slot.idle = true;
          next.resolve(result);
          pump();
        },
        () => {},
      );
    }
    const hasRoom = slots.size + starting.size < spec.reservedConcurrency;
    if (queue.length > starting.size && hasRoom && !stopped) addContainer();
  }

  return {
    run(payload: string): Promise<InvocationResult> {
      if (stopped) return Promise.resolve({ ok: false, error: "the function host stops" });
      return new Promise((resolve) => {
        queue.push({ payload, resolve });
        pump();
      });
    },
    containers: () =>
      [...slots].map(({ container }) => ({
        function: name,
        pid: container.pid(),
        busyWith: container.busy()?.payload,
      })),
    async stop() {
      stopped = true;
      for (const waiting of queue.splice(0)) {
        waiting.resolve({ ok: false, error: "the function host stops" });
      }
      // One that is just starting has no process to kill yet.
      await Promise.all(starting);
      const ends = [...slots].map(({ container }) => {
        container.kill();
        return container.ended;
      });
      await Promise.all(ends);
    },
  };
}
