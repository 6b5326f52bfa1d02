// Why: a whole run in one thread and virtual time, from one seed: what stories and seeds start from.
import { createMemoryTable } from "@runlet/coordination/memory-table";
import type { Table } from "@runlet/coordination/table";
import { createSeededRandom } from "@runlet/runtime/random";
import { demoSettings, type Settings } from "@runlet/runtime/settings";
import { createVirtualClock, type VirtualClock } from "@runlet/runtime/virtual-clock";
import {
  createInProcessFunctions,
  type InProcessDeps,
  type InProcessFunctions,
} from "./functions-in-process.ts";
import { createInProcessTransport, type Transport } from "./transport.ts";
import { createWorld, type World, type WorldOptions } from "./world.ts";

export interface VirtualOptions extends Omit<WorldOptions, "settings"> {
  seed: number;
  settings?: Partial<Settings>;
  /** Default: in memory. */
  table?: Table;
  onEffect?: InProcessDeps["onEffect"];
  /** Default: everything in this thread, unseen. */
  transport?: Transport;
  doubled?: number;
  /** The sweep asks for failed webhooks. */
  redeliver?: boolean;
}

export type VirtualWorld = World<InProcessFunctions> & { clock: VirtualClock };

/** A world under a clock of its own; nothing has been applied. */
export async function createVirtualWorld(options: VirtualOptions): Promise<VirtualWorld> {
  const clock = createVirtualClock();
  const random = createSeededRandom(options.seed);
  const transport = options.transport ?? createInProcessTransport();
  const { onEffect, doubled, redeliver } = options;
  const world = await createWorld<InProcessFunctions>(
    {
      clock,
      random,
      transport,
      table: options.table ?? createMemoryTable(() => clock.wallMs()),
      createFunctions: async (parts) =>
        createInProcessFunctions({
          ...parts,
          fetch: transport.fetch,
          async accessTo({ name }, fetch) {
            const access = parts.clusters.get(name)?.access;
            return access && { ...access, fetch };
          },
          ...(onEffect && { onEffect }),
          ...(redeliver && { redeliverFrom: parts.configUrl }),
          ...(doubled !== undefined && { doubled }),
        }),
    },
    {
      ...options,
      settings: { ...demoSettings, ...options.settings },
      knobs: { holdMs: 1_000, sessionLapseMs: 6_000, ...options.knobs },
    },
  );
  return { ...world, clock };
}

/** Moves virtual time until `call` has ended, at most `limitMs`; resolves or rejects as it does. */
export async function runUntilEnded<T>(
  clock: VirtualClock,
  call: Promise<T>,
  limitMs: number,
  what: string,
): Promise<T> {
  let ended = false;
  const end = () => void (ended = true);
  call.then(end, end);
  await clock.runUntil(() => ended, limitMs, what);
  return call;
}
