import { describe, expect, it } from "vitest";
import { ephemeralRunnerSets, labels, type EphemeralRunnerSet } from "@runlet/kubernetes/resources";
import { renderMetrics } from "@runlet/reconciler/prometheus";
import { applyNamespace, createWorld, namespace, type World } from "./reconciler-world.ts";

/** The samples of one metric. */
function samplesOf(world: World, metric: string): string[] {
  const view = world.first?.reconciler.view() ?? { sets: [], queues: [], places: [] };
  const text = renderMetrics({ ...view, isLeader: true, residentBytes: 0, cpuSeconds: 0 });
  return text.split("\n").filter((line) => line.startsWith(`${metric}{`));
}

describe("the metrics of a reconciler", () => {
  it("have one sample of each set of ours, none of ARC's beside it", async () => {
    const world = createWorld();
    await world.serve("builders");
    const [own] = world.runnerSets();
    const copyTo = (where: string, name: string, owned: boolean) => {
      const copy: Omit<EphemeralRunnerSet, "apiVersion" | "kind"> = {
        metadata: {
          name,
          namespace: where,
          labels: { ...own?.metadata.labels, [labels.scaleSetNamespace]: where },
          finalizers: ["example.com/stays"],
          ...(owned && { ownerReferences: own?.metadata.ownerReferences ?? [] }),
        },
        spec: own?.spec ?? { patchID: 0 },
      };
      return world.admin.create(ephemeralRunnerSets, copy as EphemeralRunnerSet);
    };
    applyNamespace(world.kube, "arcs", false);
    await copyTo("arcs", "arc-x1", false);
    // ARC 0.14 made a new one for each change; such a one is drained beside ours.
    await copyTo(namespace, "a-leftover", true);
    await world.clock.runFor(5_000);
    expect(world.runnerSets()).toHaveLength(3);
    expect(samplesOf(world, "gha_controller_running_ephemeral_runners")).toEqual([
      expect.stringContaining('name="builders"'),
    ]);
  });
});
