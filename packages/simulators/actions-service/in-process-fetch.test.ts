// Why: virtual time moves on when nothing is runnable; a server in process that needed a turn of
// the event loop would be overtaken by it.
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { expect, test } from "vitest";
import { createBed } from "./protocol-fixture.ts";

/** Resolves with whether `work` was done before the event loop made its next turn. */
async function isDoneInMicrotasks(work: Promise<unknown>): Promise<boolean> {
  let done = false;
  const end = () => void (done = true);
  work.then(end, end);
  return new Promise((resolve) => setImmediate(() => resolve(done)));
}

test("an answer in process, from the first token to the body, takes microtasks only", async () => {
  const bed = createBed("acquire");
  const work = async () => {
    const admin = await bed.connect();
    const set = await bed.createSet(admin, "my-set");
    bed.control.queueJobs({ scaleSet: "my-set", count: 50 });
    const message = await bed.poll(await bed.session(admin, set));
    const runner = await bed.runner(admin, set, "runner-1");
    await runner.connect();
    expect(message.text.length).toBeGreaterThan(10_000);
  };
  const working = work();
  expect(await isDoneInMicrotasks(working)).toBe(true);
  await working;
});

test("a poll that is held waits for the clock alone, and its wake-up is due at once", async () => {
  const bed = createBed("acquire");
  const admin = await bed.connect();
  const held = bed.poll(await bed.session(admin, await bed.createSet(admin, "my-set")));
  expect(await isDoneInMicrotasks(held)).toBe(false);
  bed.control.queueJobs({ scaleSet: "my-set" });
  expect(await isDoneInMicrotasks(held)).toBe(true);
  expect(bed.clock.nowMs()).toBe(0);
});

test("an abort rejects with the caller's reason at once, before and during a call", async () => {
  const { simulator } = createBed("acquire");
  const url = "https://ghes.test/_control/ledger";
  await expect(simulator.fetch(url, { signal: AbortSignal.abort("no") })).rejects.toBe("no");
  const clock = createVirtualClock();
  const abort = new AbortController();
  simulator.control.addFault({ route: "registrationToken", hang: true });
  const path = "https://ghes.test/orgs/a/actions/runners/registration-token";
  const call = simulator.fetch(path, { method: "POST", signal: abort.signal });
  await clock.settle();
  abort.abort("enough");
  await expect(call).rejects.toBe("enough");
});
