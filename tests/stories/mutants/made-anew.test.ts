// An EphemeralRunnerSet that was deleted and made anew looks as the old one did, and is another: nobody has written our
// fence to it, and its controller has acted on none of our numbers.
import { afterEach, describe, expect, it } from "vitest";
import { ephemeralRunnerSets } from "@runlet/kubernetes/resources";
import { createPollerWorld, type PollerWorld } from "../poller/poller-world.ts";
import { modes } from "../world/running-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

describe.each(modes)(
  "an EphemeralRunnerSet made anew with the very pair of the old one (%s)",
  (mode) => {
    it("gets the fence and a new number at once", async () => {
      world = await createPollerWorld({ mode, bootMs: 20_000 });
      const { clock } = world;
      world.wake();
      await clock.runFor(5_000);
      world.queue(2, { durationMs: 1_000 });
      await clock.runUntil(() => world.pair()[0] === 2, 1_000, "the patch");
      await clock.runFor(200);
      const { metadata, spec } = world.runnerSet();
      const { name, namespace = "", ownerReferences = [], annotations } = metadata;
      const { client } = world.cluster("east");
      await client.remove(ephemeralRunnerSets, { namespace, name });
      await clock.runFor(100);
      await client.create(ephemeralRunnerSets, {
        apiVersion: "actions.github.com/v1alpha1",
        kind: "EphemeralRunnerSet",
        metadata: { name, namespace, ownerReferences, annotations: { "runlet.dev/fence": "0" } },
        spec,
      });
      const fence = () => world.runnerSet().metadata.annotations?.["runlet.dev/fence"];
      await clock.runUntil(() => fence() !== "0", 2_000, "the fence");
      expect(fence()).toBe(annotations?.["runlet.dev/fence"]);
      expect(world.pair()).toEqual([2, spec.patchID + 1]);
    });
  },
);
