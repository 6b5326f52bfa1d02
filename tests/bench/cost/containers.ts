// Why: Lambda keeps a container for a while after an invocation and bills each start, so how often a function starts is a
// part of its price. This is that life, over the virtual clock: one invocation at a time in a container.
import type { Clock } from "@runlet/runtime/clock";
import type { Meter, Part } from "./meter.ts";

/** Lambda says nothing about it; minutes is what everybody sees. A poller's waits for 15, so each starts cold here. */
const keptWarmMs = 5 * 60_000;

/** Billed milliseconds that the virtual clock knows nothing of: CPU at the function's share of one. */
export interface CpuTimes {
  start: Record<Part, number>;
  invocation: Record<Part, number>;
}

interface Container<R> {
  root: Promise<R>;
  idleSince: number;
}

/** Runs invocations of one function, whose root `start` makes once a container. */
export function createContainers<R>(
  { clock, meter, cpu }: { clock: Clock; meter: Meter; cpu: CpuTimes },
  part: Part,
  start: () => Promise<R>,
): <T>(run: (root: R) => Promise<T>) => Promise<T> {
  let idle: Container<R>[] = [];
  return async (run) => {
    const ended = meter.invoked(part);
    idle = idle.filter(({ idleSince }) => clock.nowMs() - idleSince < keptWarmMs);
    const warm = idle.pop();
    const { root } = warm ?? { root: start() };
    const extraMs = cpu.invocation[part] + (warm ? 0 : cpu.start[part]);
    try {
      return await run(await root);
    } finally {
      ended(extraMs);
      idle.push({ root, idleSince: clock.nowMs() });
    }
  };
}
