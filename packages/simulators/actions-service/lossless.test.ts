// Why: whatever is dropped, delayed, refused, expired or killed, the service itself loses no job,
// gives none to two runners, and never has two sessions for a scale set. Each seed is a run of its
// own, the same each time.
import { createSeededRandom, type Random } from "@runlet/runtime/random";
import { expect, test } from "vitest";
import { mortalFetch, startListener } from "./crashing-listener.ts";
import type { SimulatorEvent } from "./events.ts";
import type { Fault, RouteName } from "./faults.ts";
import type { Mode } from "./knobs.ts";
import { bareCaller, createBed } from "./protocol-fixture.ts";

const knobs = {
  holdMs: 5_000,
  sessionLapseMs: 9_000,
  jobLapseMs: 20_000,
  idleLapseMs: 20_000,
  startTimeoutMs: 60_000,
  requeuesMax: 1_000,
  queueTokenLifeMs: 45_000,
};

const routes: RouteName[] = [
  "runnerRegistration",
  "createSession",
  "poll",
  "acknowledge",
  "acquireJobs",
  "generateJitConfig",
  "runnerConnect",
  "runnerJob",
  "runnerFinish",
];

function drawFault(random: Random, mode: Mode): Fault {
  const route = routes[random.int(routes.length)] ?? "poll";
  const harms: Partial<Fault>[] = [
    { status: 503 },
    { status: 503, afterCommit: true },
    { status: 429, retryAfter: "1" },
    { drop: "before" },
    { drop: "after" },
    { delayMs: 3_000 },
    // A runner whose connect or job was committed and lost cannot know; the lapse is its end.
    ...(mode === "acquire" ? [{ status: 401 }] : []),
  ];
  return { route, times: 1 + random.int(2), ...harms[random.int(harms.length)] };
}

async function play(mode: Mode, seed: number) {
  const random = createSeededRandom(seed);
  const bed = createBed(mode, { ...knobs, assignWithoutSession: random.next() < 0.5 });
  const { clock, control, simulator, events } = bed;
  const admin = await bed.connect();
  const set = await bed.createSet(admin, "my-set");
  const setPath = set.slice(admin.url.length);

  const live = () => {
    let alive = true;
    const call = bareCaller(mortalFetch(simulator.fetch, () => alive));
    const connect = bed.connectWith(call);
    const deps = { clock, random, fetch: simulator.fetch, call };
    const life = startListener(deps, {
      connect,
      setPath,
      runnerDies: 0.1,
      looksUp: seed % 2 === 0,
    });
    return () => {
      alive = false;
      life.kill();
    };
  };

  let kill = live();
  for (let step = 0; step < 30; step++) {
    if (random.next() < 0.6)
      control.queueJobs({ scaleSet: "my-set", durationMs: random.int(8_000) });
    if (random.next() < 0.4) control.addFault(drawFault(random, mode));
    if (random.next() < 0.1) control.expireQueueTokens();
    if (random.next() < 0.1) control.expireAdminTokens();
    if (random.next() < 0.05) control.evictSession("my-set");
    if (random.next() < 0.15) {
      kill();
      kill = live();
    }
    await clock.runFor(random.int(5_000));
  }
  control.clearFaults();
  await clock.runUntil(
    () => control.ledger().counts.completed === control.ledger().counts.queued,
    300_000,
    "all jobs",
  );
  kill();
  return { control, events };
}

/** Sessions of the one scale set never overlap. */
function expectOneSessionAtATime(events: SimulatorEvent[]) {
  let open = 0;
  for (const { kind } of events) {
    if (kind === "session-created") open += 1;
    if (["session-closed", "session-lapsed", "session-evicted"].includes(kind)) open -= 1;
    expect(open === 0 || open === 1).toBe(true);
  }
}

for (const mode of ["acquire", "auto-assign"] as const) {
  test(`in ${mode} mode no job is lost or run twice, whatever breaks: 15 seeds`, async () => {
    for (let seed = 1; seed <= 15; seed++) {
      const { control, events } = await play(mode, seed).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
      const { counts, jobs } = control.ledger();
      expect([seed, counts.queued]).toEqual([seed, jobs.length]);
      const ran = events.flatMap((event) => (event.kind === "job-started" ? [event] : []));
      const ended = events.filter((event) => event.kind === "job-completed");
      expect([seed, ended.length]).toEqual([seed, counts.queued]);
      expect(new Set(ran.map((event) => event.job.key)).size).toBe(ran.length);
      expect(control.runners().filter((runner) => runner.state === "busy")).toEqual([]);
      expectOneSessionAtATime(events);
    }
  });
}
