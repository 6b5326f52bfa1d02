// Faults F28, F31 at every write of a turn: the table goes away just before it commits, or after it has and before
// its answer is out. What the service has given us meanwhile (a session, a message) must outlive that.
import { afterEach, describe, expect, it } from "vitest";
import { AnswerLost, createFaultyTable } from "@runlet/coordination/faulty-table";
import { createSeededRandom } from "@runlet/runtime/random";
import type { Mode } from "@runlet/simulators/actions-service/knobs";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

const bootMs = 500;
const jobMs = 1_000;

let world: PollerWorld;
afterEach(() => world.end());

interface Strike {
  /** Of the put from which on the table is away; the first put of the lease is 0. */
  index: number;
  /** `silent`: calls do not fail, but hang until the table is back. */
  phase: "before" | "after" | "silent";
  outageMs: number;
}

interface Played {
  puts: string[];
  /** From the outage's begin, or from the job if that came later, to the job's end. */
  tookMs: number;
}

/** Plays a lone job. */
async function play(mode: Mode, strike?: Strike, meddle: () => void = () => {}): Promise<Played> {
  const puts: string[] = [];
  let struckAt: number | undefined;
  world = await createPollerWorld({
    mode,
    bootMs,
    tableOf(table, clock) {
      const call = async (when: "before" | "after", verb: string, key: string) => {
        const isNow = verb === "put" && puts.length === (strike?.index ?? -1) + 1;
        const phase = strike?.phase === "silent" ? "before" : strike?.phase;
        if (isNow && when === phase) struckAt ??= clock.nowMs();
        const awayMs = (struckAt ?? -Infinity) + (strike?.outageMs ?? 0) - clock.nowMs();
        if (awayMs > 0 && strike?.phase === "silent") await clock.sleep(awayMs);
        else if (awayMs > 0) throw new AnswerLost(`${verb} ${key}: no answer`);
      };
      return createFaultyTable(table, {
        clock,
        random: createSeededRandom(1),
        faults: {},
        before(verb, key) {
          if (verb === "put" && (puts.length > 0 || key.startsWith("lease/"))) puts.push(key);
          return call("before", verb, key);
        },
        after: (verb, key) => call("after", verb, key),
      });
    },
  });
  const { clock } = world;
  meddle();
  world.wake();
  await clock.runFor(4_000);
  world.queue(1, { durationMs: jobMs });
  const queuedAt = clock.nowMs();
  const isDone = () => world.jobsLeft() === 0 && (!strike || struckAt !== undefined);
  await clock.runUntil(isDone, 140_000, `the job, the table away at put ${strike?.index}`);
  return { puts, tookMs: clock.nowMs() - Math.max(queuedAt, struckAt ?? 0) };
}

const refused = () => world.events.filter(({ kind }) => kind === "session-refused");
const created = () => world.events.filter(({ kind }) => kind === "session-created");
const firstCheckpoint = (puts: string[]) => puts.findIndex((key) => key.startsWith("checkpoint/"));

describe.each(["acquire", "auto-assign"] as const)("the table goes away (%s)", (mode) => {
  it("for three seconds at whatever put: the session is kept, no 409, the job runs in time", async () => {
    const { puts } = await play(mode);
    world.end();
    expect(puts.filter((key) => key.startsWith("checkpoint/")).length).toBeGreaterThanOrEqual(3);
    const outageMs = 3_000;
    for (let index = 0; index < puts.length; index++) {
      for (const phase of ["before", "after", "silent"] as const) {
        const { tookMs } = await play(mode, { index, phase, outageMs });
        const what = `put ${index} (${puts[index]}), ${phase} it`;
        expect(refused(), what).toEqual([]);
        expect(created().length, what).toBe(1);
        // A loop that failed four times waits at most four seconds; then the runner starts and the job runs.
        expect(tookMs, what).toBeLessThanOrEqual(outageMs + 4_000 + bootMs + jobMs + 500);
        world.end();
      }
    }
  }, 60_000);

  it.each([11_000, 20_000])(
    "longer than is left of the lease, %s ms: a new session is given back, and no 409 follows",
    async (outageMs) => {
      const { puts } = await play(mode);
      world.end();
      for (const phase of ["before", "after", "silent"] as const) {
        const { tookMs } = await play(mode, { index: firstCheckpoint(puts), phase, outageMs });
        expect(refused()).toEqual([]);
        expect(world.logged("session_given_back")).toHaveLength(1);
        // A heartbeat that succeeds, and the back-off of a loop that has failed a few times.
        expect(tookMs).toBeLessThanOrEqual(outageMs + 8_000 + bootMs + jobMs);
        world.end();
      }
    },
  );

  it("and the session cannot be given back either: the conflict is told as an orphan's", async () => {
    const { puts } = await play(mode);
    world.end();
    const strike = { index: firstCheckpoint(puts), phase: "before", outageMs: 11_000 } as const;
    await play(mode, strike, () =>
      world.service.control.addFault({ route: "deleteSession", status: 503, times: 100 }),
    );
    expect(world.logged("session_orphaned")).toHaveLength(1);
    expect(world.logged("session_held_by_another")).toEqual([]);
  });
});
