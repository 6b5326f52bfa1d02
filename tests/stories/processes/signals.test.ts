// Why: a kill and a freeze of a model are what we believe that they are; SIGKILL and SIGSTOP are what they are.
import { afterEach, expect, it } from "vitest";
import { modes } from "../world/running-world.ts";
import { barePatch, openProcessWorld, type ProcessWorld } from "./process-world.ts";

const open: ProcessWorld[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

async function start(mode: (typeof modes)[number]): Promise<ProcessWorld> {
  const opened = await openProcessWorld(2, mode);
  open.push(opened);
  return opened;
}

/** Every poller's process, the holder's among them, when that has seconds before its hand-over. */
async function freshPollers(opened: ProcessWorld): Promise<number[]> {
  const taken = opened.logged("shard_taken").length;
  await opened.until(() => opened.logged("shard_taken").length > taken, 15_000, "a new holder");
  const polls = opened.world.recorder.facts().length;
  const polling = () =>
    opened.world.recorder
      .facts()
      .slice(polls)
      .some(({ kind }) => kind === "poll-opened");
  await opened.until(polling, 5_000, "its first poll");
  return opened.world.functions.running().map(({ name }) => Number(name));
}

it.each(modes)(
  "a killed poller's successor resumes the session: no new one, no 409, in %s mode",
  { timeout: 60_000 },
  async (mode) => {
    const opened = await start(mode);
    const { recorder } = opened.world;
    const pollers = await freshPollers(opened);
    const factsOf = (kind: string) => recorder.facts().filter((fact) => fact.kind === kind).length;
    const before = { created: factsOf("session-created"), at: recorder.facts().length };
    for (const pid of pollers.filter(isAlive)) process.kill(pid, "SIGKILL");
    const fromTheDead = () => opened.logged("shard_taken").some(({ from }) => from === "expired");
    await opened.until(fromTheDead, 15_000, "a take-over");
    const polledAgain = () =>
      recorder
        .facts()
        .slice(before.at)
        .some(({ kind }) => kind === "session-refreshed");
    await opened.until(polledAgain, 10_000, "the session to be resumed");
    opened.world.service.control.queueJobs({ scaleSet: "linux", count: 1, durationMs: 100 });
    const done = () => opened.world.service.control.ledger().counts.completed === 1;
    await opened.until(done, 15_000, "a job after the kill");
    expect(factsOf("session-created")).toBe(before.created);
    expect(factsOf("session-refused")).toBe(0);
    expect(recorder.count("take-overs")).toBeGreaterThan(0);
  },
);

it.each(modes)(
  "a holder frozen beyond its lease is refused by the table, its late write by the API server, in %s mode",
  { timeout: 120_000 },
  async (mode) => {
    const opened = await start(mode);
    // On a slow machine the platform's time limit may end the frozen one first; then with the next holder.
    for (let round = 0; round < 3; round++) if (await freezeOne(opened)) return;
    throw new Error("no frozen holder lived until its lease had run out");
  },
);

/** False: the frozen holder was ended by its time limit before it could be woken. */
async function freezeOne(opened: ProcessWorld): Promise<boolean> {
  const pollers = await freshPollers(opened);
  const frozen = opened.runnerSet();
  if (!frozen) throw new Error("there is no runner set");
  const count = (event: string, from?: string) =>
    opened.logged(event).filter((line) => from === undefined || line["from"] === from).length;
  const before = { lost: count("shard_lost"), expired: count("shard_taken", "expired") };
  for (const pid of pollers.filter(isAlive)) process.kill(pid, "SIGSTOP");
  // As a neighbour would; with one shard only the sweep looks, and may come too late for this holder's time limit.
  await opened.world.functions.invoke({ shard: "shard-0", reason: "failure" });
  await opened.until(
    () => count("shard_taken", "expired") > before.expired,
    20_000,
    "a take-over from the frozen one",
  );
  const fenceNow = () => opened.runnerSet()?.fence ?? "";
  await opened.until(() => fenceNow() !== frozen.fence, 10_000, "the new fence in the cluster");

  // The write that the frozen one may have on its lips: good for its own fence, refused by the new one.
  const lateWrite = (fence: string) => [
    { op: "test", path: "/metadata/uid", value: frozen.uid },
    { op: "test", path: fencePath, value: fence },
    { op: "add", path: fencePath, value: fence },
    { op: "add", path: "/spec/replicas", value: 2 },
    { op: "add", path: "/spec/patchID", value: 4_711 },
  ];
  const path = `${runnerSets}/${frozen.name}`;
  expect(await barePatch(opened.home, path, lateWrite(frozen.fence))).toBe(422);
  // The same bytes with the fence that holds now are taken: it was the fence that refused them.
  let answer = 0;
  for (let attempt = 0; attempt < 3 && answer !== 200; attempt++) {
    answer = await barePatch(opened.home, path, lateWrite(fenceNow()));
  }
  expect(answer).toBe(200);

  for (const pid of pollers.filter(isAlive)) process.kill(pid, "SIGCONT");
  await opened.until(
    () => count("shard_lost") > before.lost || !pollers.some(isAlive),
    10_000,
    "the woken one to see that it has lost the shard",
  );
  if (count("shard_lost") === before.lost) return false;
  expect(opened.logged("shard_lost").at(-1)).toMatchObject({
    why: expect.stringContaining("somebody else wrote its row"),
  });
  expect(opened.world.service.control.ledger().counts.running).toBe(2);
  const refused = opened.world.recorder.facts().filter(({ kind }) => kind === "session-refused");
  expect(refused).toEqual([]);
  return true;
}

const runnerSets = "/apis/actions.github.com/v1alpha1/namespaces/runners/ephemeralrunnersets";
const fencePath = "/metadata/annotations/runlet.dev~1fence";

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
