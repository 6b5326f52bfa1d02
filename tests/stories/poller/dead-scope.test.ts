// Invariant I22 across destinations: what hangs at one scope of the service holds none of the places that calls to
// another scope, to the clusters and to the table need.
import { afterEach, expect, it } from "vitest";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

it("199 sets of a scope whose session calls hang delay no job of another scope", async () => {
  const dead = Array.from({ length: 199 }, (_, index) => ({ name: `dead-${index}` }));
  world = await createPollerWorld({ mode: "auto-assign", sets: [{ name: "linux" }, ...dead] });
  for (const key of world.keys.slice(1)) {
    const found = await world.registry.findScaleSet(key);
    if (!found) throw new Error(`no row ${key}`);
    // Of another scope by its key alone: the simulator knows each scale set under one address.
    await world.registry.putScaleSet({ ...found.row, scopeKey: "github.com/dead" }, found.version);
  }
  world.wake();
  await world.clock.runFor(10_000);
  const { control } = world.service;
  for (const { name } of dead) {
    control.addFault({ route: "createSession", scaleSet: name, hang: true, times: 1_000 });
    control.addFault({ route: "refreshSession", scaleSet: name, hang: true, times: 1_000 });
    control.addFault({ route: "poll", scaleSet: name, status: 401, times: 1_000 });
  }
  await world.clock.runFor(120_000);

  const handled = world.logged("message_handled").length;
  world.queue(1, { durationMs: 1_000 });
  await world.clock.runUntil(() => world.pair()[0] === 1, 1_000, "the patch");
  const isHandled = () => world.logged("message_handled").length > handled;
  await world.clock.runUntil(isHandled, 2_000, "the message's end");
  expect(world.logged("desired_count_owed")).toEqual([]);
});
