// Why: a listener as simple as can be right, that is killed in mid-call and started again: whoever
// tests that the service loses nothing needs one that takes every liberty the protocol allows, and
// no other.
import type { Fetch } from "@runlet/runtime/fetch";
import type { Random } from "@runlet/runtime/random";
import type { VirtualClock } from "@runlet/runtime/virtual-clock";
import { bodyOf, type Answer, type createBed } from "./protocol-fixture.ts";
import { createRunnerClient } from "./runner-client.ts";

type Bed = ReturnType<typeof createBed>;

interface Deps {
  clock: VirtualClock;
  random: Random;
  /** How its runners reach the service; they outlive it. */
  fetch: Fetch;
  /** How it does. */
  call: Bed["call"];
}

export interface ListenerLife {
  /** From now on no call of it comes back, and none is made. */
  kill(): void;
}

/** A fetch whose calls neither resolve nor reject once `alive` says no. */
export function mortalFetch(fetch: Fetch, alive: () => boolean): Fetch {
  const never = new Promise<never>(() => {});
  return (url, init) => {
    if (!alive()) return never;
    const call = fetch(url, init);
    return call.then(
      (response) => (alive() ? response : never),
      (error: Error) => (alive() ? Promise.reject(error) : never),
    );
  };
}

/** One life of a listener for `set`; it starts runners that outlive it. */
export function startListener(
  deps: Deps,
  of: {
    connect: Bed["connect"];
    setPath: string;
    /** Chance that a runner dies with its job. */
    runnerDies: number;
    /** Whether it asks for acquirable jobs at its start; if not, it has redelivery alone. */
    looksUp: boolean;
  },
): ListenerLife {
  const { clock, random, call } = deps;
  let alive = true;
  const serve = async () => {
    for (let failures = 0; alive && failures < 1_000; failures++) {
      await serveSession().catch(() => {});
      await clock.sleep(1_000);
    }
  };

  async function serveSession() {
    const admin = await of.connect();
    const set = admin.url + of.setPath;
    const body = JSON.stringify({ ownerName: "crashing" });
    const opened = expectOk(await call("POST", `${set}/sessions`, { token: admin.token, body }));
    const url = String(opened.json["messageQueueUrl"]);
    const token = String(opened.json["messageQueueAccessToken"]);
    const lookUp = () => call("GET", `${set}/acquirablejobs`, { token: admin.token });
    if (of.looksUp) await acquire(set, token, await lookUp());
    await scale(set, admin.token, opened);
    for (let last = 0; alive;) {
      const join = url.includes("?") ? "&" : "?";
      const poll = last > 0 ? `${url}${join}lastMessageId=${last}` : url;
      const message = expectOk(await call("GET", poll, { token }));
      if (message.status === 202 || message.text === "") continue;
      await acquire(set, token, message);
      await scale(set, admin.token, message);
      last = Number(message.json["messageId"]);
      expectOk(await call("DELETE", url.replace(/(\?|$)/, `/${last}$1`), { token }), 404);
    }
  }

  async function acquire(set: string, token: string, of: Answer) {
    const value = of.json["value"];
    const entries = Array.isArray(value) ? (value as Record<string, unknown>[]) : bodyOf(of);
    const ids = entries
      .filter((entry) => entry["messageType"] === "JobAvailable")
      .map((entry) => String(entry["runnerRequestId"]));
    if (ids.length === 0) return;
    expectOk(await call("POST", `${set}/acquirejobs`, { token, body: `[${ids.join(",")}]` }));
  }

  /** A runner for each assigned job that none is registered for; too many do no harm. */
  async function scale(set: string, token: string, answer: Answer) {
    const tally = answer.json["statistics"] as Record<string, number> | undefined;
    const missing = (tally?.["totalAssignedJobs"] ?? 0) - (tally?.["totalBusyRunners"] ?? 0);
    for (let made = 0; made < missing; made++) {
      const body = JSON.stringify({ name: `runner-${random.uuid()}`, workFolder: "" });
      const jit = expectOk(await call("POST", `${set}/generatejitconfig`, { token, body }));
      void playRunner(deps, String(jit.json["encodedJITConfig"]), of.runnerDies).catch(() => {});
    }
  }

  void serve();
  return { kill: () => void (alive = false) };
}

function expectOk(answer: Answer, also?: number): Answer {
  if (answer.status >= 300 && answer.status !== also) throw new Error(`answered ${answer.status}`);
  return answer;
}

/** A runner: a process of its own, which may die with its job. */
async function playRunner(deps: Deps, jitConfig: string, dies: number) {
  const { clock, random, fetch } = deps;
  const runner = createRunnerClient({ fetch }, jitConfig);
  if ((await retry(clock, () => runner.connect())) !== "online") return;
  for (let polls = 0; polls < 50; polls++) {
    const job = await retry(clock, () => runner.takeJob());
    if (job === "gone") return;
    if (job === "none") continue;
    await clock.sleep(job.durationMs);
    if (random.next() >= dies) await retry(clock, () => runner.finish(job.result));
    return;
  }
}

async function retry<T>(clock: VirtualClock, attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries > 100) throw error;
      await clock.sleep(500);
    }
  }
}
