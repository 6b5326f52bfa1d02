// Why: how fast runners come hangs on the machine and is measured (`npm run bench -- cluster`); what they cost does not,
// so a test can hold the bar: by the API server's audit log, whatever the reconciler says itself.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countCalls, describeCalls } from "../bench/cluster-calls.ts";
import { startReconcilerBed, type ReconcilerBed } from "./reconciler-bed.ts";

let bed: ReconcilerBed;

beforeAll(async () => {
  bed = await startReconcilerBed({ plane: { audit: true }, knobs: { requestsKept: 100_000 } });
  const reconciler = await bed.startReconciler();
  await reconciler.until("reconciler_ready");
}, 180_000);

afterAll(() => bed?.stop());

describe("on a real API server", { timeout: 120_000 }, () => {
  test("a runner costs at most nine Kubernetes calls and two of the service, from its order until nothing is left", async () => {
    const count = 60;
    await bed.serve("calls");
    bed.github.control.queueJobs({ scaleSet: "calls", count, durationMs: 3_000 });
    const fromMs = bed.clock.nowMs();
    await bed.order("calls", count, 1);
    const done = () => bed.github.control.ledger().counts.completed === count;
    await bed.eventually(`${count} jobs to be done`, done, 60_000);
    // An order to scale down would ask the service once more for each that has done its job and is not gone yet.
    await bed.eventually("all of them to go", async () => (await bed.runners()).length === 0);
    await bed.order("calls", 0, 0);
    // The last status of the set is written within a second, and the audit log in batches.
    await bed.clock.sleep(2_000);
    const calls = countCalls(bed, bed.clock.nowMs() - fromMs);
    const what = describeCalls(calls);
    expect(calls.kubernetes / count, what).toBeGreaterThan(4);
    expect(calls.kubernetes / count, what).toBeLessThanOrEqual(9);
    expect(calls.service / count, what).toBeLessThanOrEqual(2);
    // Two may fall into one second of the clock though they are a second apart.
    expect(calls.statusWritesMax, what).toBeLessThanOrEqual(2);
  });

  test("a set at rest costs no call at all", async () => {
    const fromMs = bed.clock.nowMs();
    await bed.clock.sleep(20_000);
    const calls = countCalls(bed, bed.clock.nowMs() - fromMs);
    expect(calls.kubernetes, describeCalls(calls)).toBe(0);
  });
});
