// Why: where a team may not have a ClusterRole, a Role in its own namespace is enough: the real API server refuses
// everything else, so whatever the reconciler asked for beyond it would show.
import { autoscalingRunnerSets, namespaces as namespaceKind } from "@runlet/kubernetes/resources";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { electionFlags } from "./reconciler-access.ts";
import {
  namespace,
  nothing,
  runnerSetManifest,
  startReconcilerBed,
  type ReconcilerBed,
} from "./reconciler-bed.ts";
import type { ReconcilerProcess } from "./reconciler-process.ts";

let bed: ReconcilerBed;
let reconciler: ReconcilerProcess;

beforeAll(async () => {
  bed = await startReconcilerBed({ single: true });
  reconciler = await bed.startReconciler([...electionFlags, "--namespace", namespace]);
  await reconciler.until("reconciler_ready");
}, 180_000);

afterAll(() => bed?.stop());

describe("a reconciler with a Role and no ClusterRole", () => {
  test("serves its namespace from the first set to the last runner", async () => {
    await bed.serve("builders", "  maxRunners: 5");
    await bed.order("builders", 3, 1);
    const running = async () => (await bed.setOf("builders"))?.status?.runningEphemeralRunners;
    await bed.eventually("three runners", async () => (await running()) === 3);
    await bed.admin.remove(autoscalingRunnerSets, { namespace, name: "builders" });
    await bed.eventually("nothing left", async () => {
      return JSON.stringify(await bed.leftovers()) === JSON.stringify(nothing);
    });
  });

  test("touches no other, even one that is labelled as managed", async () => {
    const labels = { "runlet.dev/managed": "true" };
    await bed.admin.create(namespaceKind, { metadata: { name: "others", labels } });
    bed.apply(
      runnerSetManifest("strangers", bed.configUrl).replace(
        `namespace: ${namespace}`,
        "namespace: others",
      ),
    );
    await bed.serve("builders");
    const key = { namespace: "others", name: "strangers" };
    const stranger = await bed.admin.find(autoscalingRunnerSets, key);
    expect(stranger?.metadata.finalizers).toBeUndefined();
    expect(bed.github.control.scaleSets().map(({ name }) => name)).toEqual(["builders"]);
  });

  test("asks for nothing that it may not have", () => {
    expect(reconciler.output()).not.toMatch(/forbidden/i);
  });

  test(
    "told of one more that it may not read, serves its own, is not ready, and says which",
    { timeout: 90_000 },
    async () => {
      reconciler.signal("SIGTERM");
      await reconciler.ended;
      const flags = [...electionFlags, "--namespace", namespace, "--namespace", "others"];
      reconciler = await bed.startReconciler(flags);
      // It waits half a minute for all of them.
      await reconciler.until("namespaces_unreadable", 50_000);
      await bed.serve("late", "  runnerScaleSetName: late");
      const { status, text } = await reconciler.page("/readyz");
      expect(status).toBe(503);
      expect(text).toMatch(/^never read: namespace others \(/);
      expect((await reconciler.page("/healthz")).status).toBe(200);
      const { text: metrics } = await reconciler.page("/metrics");
      expect(metrics).toContain('runlet_reconciler_namespace_seen{namespace="others"} 0');
      expect(metrics).toContain(`runlet_reconciler_namespace_seen{namespace="${namespace}"} 1`);
    },
  );
});
