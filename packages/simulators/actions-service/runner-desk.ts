// Why: how a runner connects and takes its job is internal to GitHub; this is the simulator's own
// way to do it. The rules kept are the real ones: a JIT config connects once, a runner runs one
// job, and a runner that falls silent loses its job, or goes offline if it had none.
import type { Clock } from "@runlet/runtime/clock";
import type { Random } from "@runlet/runtime/random";
import { finishJob } from "../job-ledger/end-jobs.ts";
import type { Job, Runner } from "../job-ledger/ledger.ts";
import { connectRunner, loseRunner, startJob } from "../job-ledger/runners.ts";
import type { Events } from "./events.ts";
import type { JobDesk } from "./job-desk.ts";
import type { Knobs } from "./knobs.ts";
import type { Tokens } from "./tokens.ts";

export interface RunnerDesk {
  /** Remembers the credential of a registration. */
  admit(runner: Runner, credential: string): void;
  connect(credential: string): { token: string; runner: Runner } | "unknown" | "used";
  /** The runner of a token while it is registered. */
  find(token: string | undefined): Runner | undefined;
  /** A job, undefined when the hold is over, or "gone" when the registration is. */
  waitForJob(runner: Runner, signal: AbortSignal | undefined): Promise<Job | undefined | "gone">;
  renew(runner: Runner): void;
  finish(runner: Runner, outcome: string): Job | undefined;
  /** A runner that says goodbye: offline at once without a job, lost after the lapse with one. */
  disconnect(runner: Runner, token: string): void;
  stop(): void;
}

interface Deps {
  clock: Clock;
  random: Random;
  events: Events;
  tokens: Tokens;
  desk: JobDesk;
  knobs: () => Knobs;
}

/** No runner outlives this; its token need not either. */
const tokenLifeMs = 30 * 24 * 60 * 60_000;

export function createRunnerDesk(deps: Deps): RunnerDesk {
  const { clock, events, tokens, desk, knobs } = deps;
  const credentials = new Map<string, { runnerId: number; used: boolean }>();
  /** What ends each wait for a job. */
  const waits = new Set<() => void>();
  const contacts = createContacts(deps, (id) => {
    desk.commit(loseRunner(desk.ledger(), id, knobs().lostJobResult, clock.nowMs()));
  });
  events.listen((event) => {
    if (event.kind === "runner-removed") forget(event.runner.id);
  });

  function forget(id: number) {
    contacts.drop(id);
    for (const [credential, of] of credentials) {
      if (of.runnerId === id) credentials.delete(credential);
    }
  }

  return {
    admit: (runner, credential) =>
      void credentials.set(credential, { runnerId: runner.id, used: false }),
    connect(credential) {
      const known = credentials.get(credential);
      if (!known) return "unknown";
      if (known.used) return "used";
      const runner = desk.commit(connectRunner(desk.ledger(), known.runnerId));
      if (!runner) return "unknown";
      known.used = true;
      contacts.touch(runner.id);
      return { runner, token: tokens.issue("runner", String(runner.id), tokenLifeMs).token };
    },
    find(token) {
      const id = tokens.find("runner", token);
      return id === undefined ? undefined : desk.ledger().runners.get(Number(id));
    },
    async waitForJob(runner, signal) {
      contacts.hold(runner.id);
      try {
        return await waitForJob(deps, waits, runner, signal);
      } finally {
        contacts.release(runner.id);
      }
    },
    renew: (runner) => contacts.touch(runner.id),
    finish(runner, outcome) {
      if (runner.job === undefined) return undefined;
      return desk.commit(finishJob(desk.ledger(), runner.job, outcome, clock.nowMs()));
    },
    disconnect(runner, token) {
      tokens.revoke(token);
      if (runner.state === "busy") return contacts.touch(runner.id);
      desk.commit(loseRunner(desk.ledger(), runner.id, knobs().lostJobResult, clock.nowMs()));
      contacts.drop(runner.id);
    },
    stop() {
      for (const end of waits) end();
      contacts.stop();
    },
  };
}

/** Waits until an assigned job can be started on this runner. An aborted wait starts none. */
function waitForJob(
  deps: Deps,
  waits: Set<() => void>,
  runner: Runner,
  signal: AbortSignal | undefined,
): Promise<Job | undefined | "gone"> {
  const { clock, desk, knobs } = deps;
  return new Promise((resolve) => {
    let scheduled = false;
    let done = false;
    const finish = (result: Job | undefined | "gone") => {
      if (done) return;
      done = true;
      waits.delete(onAbort);
      cancelHold();
      unwatch();
      signal?.removeEventListener("abort", onAbort);
      resolve(result);
    };
    const look = () => {
      scheduled = false;
      if (done || signal?.aborted) return;
      const current = desk.ledger().runners.get(runner.id);
      if (!current) return finish("gone");
      // It has a job and asks for one: the answer that brought the job was lost.
      const held = current.job === undefined ? undefined : desk.ledger().open.get(current.job);
      if (held) return finish(held);
      const job = desk.commit(startJob(desk.ledger(), runner.id, clock.nowMs()));
      if (job) finish(job);
    };
    const onChange = () => {
      if (scheduled) return;
      scheduled = true;
      void Promise.resolve().then(look);
    };
    const onAbort = () => finish(undefined);
    const cancelHold = clock.after(knobs().holdMs, () => finish(undefined));
    const unwatch = desk.watch(runner.scaleSet, onChange);
    waits.add(onAbort);
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) finish(undefined);
    else look();
  });
}

/**
 * When each connected runner was last heard of; `lost` is called once it has been silent for too
 * long.
 */
function createContacts(deps: Deps, lost: (runnerId: number) => void) {
  const { clock, desk, knobs } = deps;
  const contacts = new Map<number, { lastAt: number; open: number; cancel: () => void }>();

  const lapseMs = (id: number) =>
    desk.ledger().runners.get(id)?.state === "busy" ? knobs().jobLapseMs : knobs().idleLapseMs;

  function arm(id: number, contact: { lastAt: number; open: number; cancel: () => void }) {
    const due = contact.lastAt + lapseMs(id) - clock.nowMs();
    contact.cancel = clock.after(due, () => {
      if (contact.open > 0) return;
      if (clock.nowMs() - contact.lastAt < lapseMs(id)) return arm(id, contact);
      contacts.delete(id);
      lost(id);
    });
  }

  function touch(id: number) {
    const contact = contacts.get(id) ?? { lastAt: 0, open: 0, cancel: () => {} };
    contacts.set(id, contact);
    contact.lastAt = clock.nowMs();
    contact.cancel();
    if (contact.open === 0) arm(id, contact);
  }

  function hold(id: number) {
    const contact = contacts.get(id);
    if (!contact) return;
    contact.open += 1;
    contact.cancel();
  }

  return {
    touch,
    hold,
    release(id: number) {
      const contact = contacts.get(id);
      if (!contact) return;
      contact.open -= 1;
      touch(id);
    },
    drop(id: number) {
      contacts.get(id)?.cancel();
      contacts.delete(id);
    },
    stop() {
      for (const contact of contacts.values()) contact.cancel();
      contacts.clear();
    },
  };
}
