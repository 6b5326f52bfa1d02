import { describe, expect, it } from "vitest";
import { KubernetesError } from "@runlet/kubernetes/client";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { eachLimited } from "./each-limited.ts";

const items = Array.from({ length: 100 }, (_, at) => at);

/** Goes through 100 items, 10 at once, each for a second. */
function play(run: (item: number, stop: AbortController) => void) {
  const clock = createVirtualClock();
  const stop = new AbortController();
  const begun: number[] = [];
  let most = 0;
  let running = 0;
  const ended = eachLimited(items, { atOnce: 10, signal: stop.signal }, async (item) => {
    begun.push(item);
    most = Math.max(most, ++running);
    await clock.sleep(1_000);
    running--;
    run(item, stop);
  });
  const outcome = ended.then(
    () => "done",
    (error: Error) => error.message,
  );
  return { clock, begun, outcome, most: () => most };
}

function fails(status: number): never {
  throw new KubernetesError(`status ${status}`, { status, reason: "" });
}

describe("many calls, some at once", () => {
  it("are all made, never more than so many at once", async () => {
    const { clock, begun, outcome, most } = play(() => {});
    await clock.runFor(10_000);
    expect(await outcome).toBe("done");
    expect(begun).toEqual(items);
    expect(most()).toBe(10);
  });

  it("are all made although some are refused; the first refusal is told", async () => {
    const { clock, begun, outcome } = play((item) => item % 7 === 3 && fails(403 + item));
    await clock.runFor(10_000);
    expect(await outcome).toBe("status 406");
    expect(begun).toHaveLength(100);
  });

  it.each([0, 500, 503])("end with what has begun when one gets status %i", async (status) => {
    const { clock, begun, outcome } = play((item) => item === 25 && fails(status));
    await clock.runFor(10_000);
    expect(await outcome).toBe(`status ${status}`);
    expect(begun.length).toBeLessThanOrEqual(36);
  });

  it("end with what has begun when they are told to stop", async () => {
    const { clock, begun, outcome } = play((item, stop) => {
      if (item === 25) stop.abort(new Error("SIGTERM"));
    });
    await clock.runFor(10_000);
    expect(await outcome).toBe("SIGTERM");
    expect(begun.length).toBeLessThanOrEqual(36);
  });

  it("that were all made before the stop are no failure", async () => {
    const { clock, outcome } = play((item, stop) => item === 99 && stop.abort());
    await clock.runFor(10_000);
    expect(await outcome).toBe("done");
  });
});
