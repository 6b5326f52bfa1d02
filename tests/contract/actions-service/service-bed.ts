// Why: our client and our simulator were written apart, both from the protocol; put together they must
// agree. One bed for all cases: the simulator in process, a client on it, virtual time.
import type { ActionsServiceDeps } from "@runlet/actions-service/client";
import { createActionsService } from "@runlet/actions-service/client";
import type { MessageSession, Outcome } from "@runlet/actions-service/service";
import type { Fetch } from "@runlet/runtime/fetch";
import { createLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import type { Knobs, Mode } from "@runlet/simulators/actions-service/knobs";
import { createRunnerClient } from "@runlet/simulators/actions-service/runner-client";
import type { SimulatorOptions } from "@runlet/simulators/actions-service/simulation";
import { createActionsServiceSimulator } from "@runlet/simulators/actions-service/simulator";

export const modes: readonly Mode[] = ["acquire", "auto-assign"];
const pat = "ghp_x";

export interface BedOptions {
  mode: Mode;
  knobs?: Partial<Knobs>;
  simulator?: Partial<SimulatorOptions>;
  client?: Partial<ActionsServiceDeps>;
}

/** The value of an outcome that must be one. */
export function valueOf<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw new Error(`${outcome.failure.reason}: ${outcome.failure.message}`);
}

/** The reason of an outcome that must be a failure. */
export function reasonOf(outcome: Outcome<unknown>): string {
  if (!outcome.ok) return outcome.failure.reason;
  throw new Error(`it gave ${JSON.stringify(outcome.value)}`);
}

export function createServiceBed({ mode, knobs = {}, simulator: more, client }: BedOptions) {
  const clock = createVirtualClock();
  const random = createSeededRandom(11);
  const simulator = createActionsServiceSimulator({ clock, random }, { mode, pat, knobs, ...more });
  const lines: string[] = [];
  const wallMs = () => clock.wallMs();
  const log = createLog({ write: (line) => void lines.push(line), wallMs }, { level: "debug" });
  /** Every request that was sent, also one whose answer was cut off: `METHOD path`. */
  const sent: string[] = [];
  const fetch: Fetch = (url, init) => {
    sent.push(`${init?.method ?? "GET"} ${new URL(url).pathname}`);
    return simulator.fetch(url, init);
  };
  const another = (options: Partial<ActionsServiceDeps> = {}) =>
    createActionsService({
      fetch,
      clock,
      random,
      log,
      configUrl: "https://ghes.test/my-org",
      credential: () => Promise.resolve({ kind: "pat", token: pat }),
      system: { name: "runlet", version: "0.1.0", subsystem: "contract" },
      limitMs: 10_000,
      ...client,
      ...options,
    });
  const service = another();

  /** Awaits while virtual time runs. */
  const run = async <T>(promise: Promise<T>, limitMs = 600_000): Promise<T> => {
    let settled = false;
    const end = () => void (settled = true);
    promise.then(end, end);
    await clock.runUntil(() => settled, limitMs, "the call");
    return promise;
  };
  const createSet = async (name = "my-set", labels: string[] = []) =>
    valueOf(await run(service.createScaleSet({ name, runnerGroupId: 1, labels })));
  const openSession = async (scaleSetId: number) =>
    valueOf(await run(service.createSession(scaleSetId, "host-1")));
  const poll = async (session: MessageSession, lastMessageId = 0, maxCapacity = 10) =>
    run(service.poll(session, { lastMessageId, maxCapacity }));
  /** Registers a runner and starts it, as a pod would. */
  const startRunner = async (scaleSetId: number, name: string) => {
    const made = await run(service.generateJitConfig(scaleSetId, { name, workFolder: "" }));
    const { runner, encoded } = valueOf(made);
    const program = createRunnerClient({ fetch: simulator.fetch }, encoded);
    await run(program.connect());
    return { runner, program };
  };
  const { control } = simulator;
  return {
    clock,
    simulator,
    control,
    service,
    another,
    lines,
    sent,
    run,
    createSet,
    openSession,
    poll,
    startRunner,
  };
}

export type ServiceBed = ReturnType<typeof createServiceBed>;
