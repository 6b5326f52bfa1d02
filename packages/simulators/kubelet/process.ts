// Why: a container is a process that ends by itself, is asked to end (SIGTERM) or is ended (SIGKILL); the
// three must not be mixed up, since a killed process says goodbye to nobody.
import type { Clock } from "@runlet/runtime/clock";

export interface Exit {
  exitCode: number;
  /** As a kubelet names it: Completed, Error, OOMKilled, ContainerStatusUnknown … */
  reason: string;
  message?: string;
}

export interface ProcessSignals {
  /** Aborted: please end. */
  term: AbortSignal;
  /** Aborted: ended; nothing of the process may run on. */
  kill: AbortSignal;
}

export type Program = (signals: ProcessSignals) => Promise<Exit>;

export interface Process {
  ended: Promise<Exit>;
  terminate(): void;
  kill(exit: Exit): void;
}

export function exited(exitCode: number): Exit {
  return { exitCode, reason: exitCode === 0 ? "Completed" : "Error" };
}

export const killed: Exit = { exitCode: 137, reason: "Error" };

/** Starts `program`; a kill ends it at once, whatever it is waiting for. */
export function startProcess(program: Program): Process {
  const term = new AbortController();
  const kill = new AbortController();
  const { promise: ended, resolve } = Promise.withResolvers<Exit>();
  program({ term: term.signal, kill: kill.signal }).then(resolve, (error: unknown) => {
    // After a kill the exit is already decided; otherwise the program broke.
    const message = error instanceof Error ? error.message : String(error);
    resolve({ exitCode: 1, reason: "Error", message });
  });
  return {
    ended,
    terminate: () => term.abort(new Error("SIGTERM")),
    kill(exit) {
      resolve(exit);
      kill.abort(new Error("SIGKILL"));
    },
  };
}

/** A process that does nothing but run, until it is stopped or its time is up. */
export function idleProgram(
  clock: Clock,
  life: { exit: { afterMs: number; exitCode: number } | undefined; stopMs: number },
): Program {
  return async ({ term, kill }) => {
    const either = firstOf(term, kill);
    const end = await (
      life.exit
        ? clock.sleep(life.exit.afterMs, either).then(() => life.exit?.exitCode ?? 0)
        : untilAborted(either)
    ).catch(() => undefined);
    if (end !== undefined) return exited(end);
    await clock.sleep(life.stopMs, kill);
    // 128 + SIGTERM: what a shell and most servers exit with.
    return exited(143);
  };
}

/** Aborted as soon as one of the two is, with its reason. */
export function firstOf(a: AbortSignal, b: AbortSignal): AbortSignal {
  const either = new AbortController();
  for (const signal of [a, b]) {
    if (signal.aborted) either.abort(signal.reason);
    else signal.addEventListener("abort", () => either.abort(signal.reason), { once: true });
  }
  return either.signal;
}

export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
