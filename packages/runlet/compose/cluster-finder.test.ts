import type { ClusterRow } from "@runlet/coordination/registry";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { expect, it } from "vitest";
import { createClusterFinder } from "./cluster-finder.ts";

/** One cluster whose row may change; each access opens when its gate is opened. */
function start() {
  const clock = createVirtualClock();
  const row: ClusterRow = { name: "east", accessRef: "old" };
  const gates = { old: Promise.withResolvers<void>(), new: Promise.withResolvers<void>() };
  const calls: string[] = [];
  const closed: string[] = [];
  const finder = createClusterFinder({
    clock,
    settings: { effectTimeoutMs: 10_000 },
    registry: { listClusters: async () => [{ row: { ...row }, version: "1" }] },
    async accessTo({ accessRef }) {
      await gates[accessRef === "old" ? "old" : "new"].promise;
      const fetch = async () => {
        calls.push(accessRef);
        return Response.json({ gitVersion: "v1.34.0" });
      };
      return { server: "https://east", fetch, close: () => closed.push(accessRef) };
    },
    userAgent: "test",
  });
  return { clock, row, gates, calls, closed, finder };
}

it.each([["old", "new"] as const, ["new", "old"] as const])(
  "who asks after a cluster's access has changed gets the new one, though %s opens first",
  async (first, second) => {
    const { clock, row, gates, calls, closed, finder } = start();
    const before = finder.find("east");
    await clock.runFor(0);
    row.accessRef = "new";
    const after = finder.find("east");
    await clock.runFor(0);
    gates[first].resolve();
    await clock.runFor(0);
    gates[second].resolve();
    await (await after)?.version();
    expect(calls).toEqual(["new"]);
    await before;
    await clock.runFor(10 * 60_000);
    expect(closed).toEqual(["old"]);
    expect(await finder.find("east")).toBe(await after);
  },
);

it("those who ask at once share one client, and what was opened twice is closed", async () => {
  const { clock, gates, closed, finder } = start();
  const asked = [finder.find("east"), finder.find("east")];
  gates.old.resolve();
  const [one, other] = await Promise.all(asked);
  expect(one).toBe(other);
  await clock.runFor(10 * 60_000);
  expect(closed).toEqual(["old"]);
});
