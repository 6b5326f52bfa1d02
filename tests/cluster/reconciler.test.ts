// Why: the reconciler as it is shipped – its bundle as a process, with its flags, its own account and exactly the chart's
// roles – against a real API server and garbage collector, with manifests applied by the real kubectl.
import { autoscalingRunnerSets, type AutoscalingRunnerSet } from "@runlet/kubernetes/resources";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  namespace,
  nothing,
  pat,
  startReconcilerBed,
  type ReconcilerBed,
} from "./reconciler-bed.ts";
import type { ReconcilerProcess } from "./reconciler-process.ts";

let bed: ReconcilerBed;
let reconciler: ReconcilerProcess;

beforeAll(async () => {
  bed = await startReconcilerBed({
    // Some clusters have it on; it wants a right of its own for blocking owner references.
    plane: {
      apiServerFlags: ["--enable-admission-plugins=OwnerReferencesPermissionEnforcement"],
    },
  });
  reconciler = await bed.startReconciler();
  await reconciler.until("reconciler_ready");
}, 180_000);

afterAll(() => bed?.stop());

describe("the reconciler on a real API server", () => {
  test("serves a set that kubectl applied", async () => {
    await bed.serve("builders", "  maxRunners: 5");
    expect(bed.github.control.scaleSets().map(({ name }) => name)).toEqual(["builders"]);
    expect((await bed.setOf("builders"))?.metadata.annotations?.["runlet.dev/fence"]).toBe("0");
    const [set] = (await bed.admin.list<AutoscalingRunnerSet>(autoscalingRunnerSets)).items;
    expect(set?.status?.phase).toBe("Running");
  });

  test("makes runners, runs a job, and takes the idle one back", async () => {
    bed.github.control.queueJobs({ scaleSet: "builders", durationMs: 500 });
    await bed.order("builders", 2, 1);
    await bed.eventually("the job", () => bed.github.control.ledger().counts.completed === 1);
    await bed.eventually("one runner left", async () => (await bed.runners()).length === 1);
    const status = async () => (await bed.setOf("builders"))?.status;
    await bed.eventually("the status", async () => {
      return (await status())?.runningEphemeralRunners === 1;
    });
    expect(await status()).toMatchObject({ busyEphemeralRunners: 0, phase: "Running" });
    await bed.order("builders", 0, 0);
    await bed.eventually("no runner", async () => (await bed.runners()).length === 0);
  });

  test("is quiet when nothing is to be done", async () => {
    await bed.clock.sleep(2_500);
    const before = await bed.setOf("builders");
    await bed.clock.sleep(3_000);
    const after = await bed.setOf("builders");
    expect(after?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
  });

  test("says that it is ready and alive, and what it sees", async () => {
    expect((await reconciler.page("/readyz")).status).toBe(200);
    expect((await reconciler.page("/healthz")).status).toBe(200);
    const { text } = await reconciler.page("/metrics");
    expect(text).toMatch(/^gha_max_runners\{name="builders-[^"]+",namespace="runners".*\} 5$/m);
    expect(text).toMatch(/^gha_controller_running_ephemeral_runners\{name="builders".*\} 0$/m);
    expect(text).toMatch(/^runlet_reconciler_passes_total\{.*result="succeeded"\} [1-9]/m);
  });

  test("resumes its watches when the API server was restarted, and knows of what happened meanwhile", async () => {
    await bed.plane.restartApiServer();
    await bed.order("builders", 2, 2);
    const running = async () => (await bed.setOf("builders"))?.status?.runningEphemeralRunners;
    await bed.eventually("two runners", async () => (await running()) === 2, 30_000);
    expect((await reconciler.page("/healthz")).status).toBe(200);
    await bed.eventually(
      "readiness",
      async () => (await reconciler.page("/readyz")).status === 200,
    );
  });

  test("leaves nothing when the set is deleted, and ends with exit code 0", async () => {
    await bed.admin.remove(autoscalingRunnerSets, { namespace, name: "builders" });
    await bed.eventually("nothing left", async () => {
      return JSON.stringify(await bed.leftovers()) === JSON.stringify(nothing);
    });
    reconciler.signal("SIGTERM");
    expect(await reconciler.ended).toBe(0);
    expect(reconciler.output()).not.toContain(pat);
    expect(reconciler.output()).not.toMatch(/forbidden/i);
  });
});
