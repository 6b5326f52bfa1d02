// What a dead holder leaves behind is finished by the next one, within a lease's length and two seconds. Nothing that
// comes later may be needed for it: no further job, no further message.
import { afterEach, describe, expect, it } from "vitest";
import { autoscalingRunnerSets } from "@runlet/kubernetes/resources";
import type { EffectPoint } from "@runlet/runlet/world/lifeline";
import { createPollerWorld, type PollerWorld } from "../poller/poller-world.ts";
import { modes } from "../world/running-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

const boundMs = 15_000 + 2_000;

/** A lone job of a holder that dies just before, or after, its first effect that `what` describes. */
async function dieAt(
  mode: (typeof modes)[number],
  what: RegExp,
  phase: EffectPoint["phase"],
): Promise<void> {
  let armed = false;
  world = await createPollerWorld({
    mode,
    bootMs: 60_000,
    failureNotices: true,
    onEffect(point, _life, invocation) {
      if (!armed || invocation.id !== "invocation-0") return;
      if (point.phase === phase && what.test(point.what)) world.kill(invocation);
    },
  });
  world.wake();
  await world.clock.runFor(5_000);
  armed = true;
  world.queue(1);
  const isDead = () => world.invocations[0]?.life.state() === "dead";
  await world.clock.runUntil(isDead, 1_000, "the kill");
}

const messages = (kind: "message-delivered" | "message-deleted") =>
  world.events.flatMap((event) => (event.kind === kind ? [event] : []));

describe.each(modes)("the next holder (%s)", (mode) => {
  it("deletes the message that the dead one had checkpointed and not yet deleted", async () => {
    await dieAt(mode, /^fetch DELETE .*message/, "before");
    const killedAt = world.clock.nowMs();
    const open = messages("message-delivered").at(-1)?.messageId;
    const deletion = () => messages("message-deleted").find(({ messageId }) => messageId === open);
    expect(deletion()).toBeUndefined();
    await world.clock.runUntil(() => deletion() !== undefined, boundMs, "the deletion");
    expect((deletion()?.at ?? Infinity) - killedAt).toBeLessThanOrEqual(boundMs);
  });

  it("goes on above a number that is in the cluster and in no checkpoint", async () => {
    let armed = false;
    world = await createPollerWorld({
      mode,
      failureNotices: true,
      onEffect({ what, phase }, _life, invocation) {
        if (!armed || invocation.id !== "invocation-0" || phase !== "after") return;
        if (/^fetch PATCH .*ephemeralrunnersets\//.test(what)) world.kill(invocation);
      },
    });
    const { clock } = world;
    world.wake();
    await clock.runFor(5_000);
    armed = true;
    // A changed spec brings no message, so none comes again that would bring a new number with it.
    await raiseMinimum(1);
    await clock.runUntil(() => world.pair()[0] === 1, 2_000, "the patch, and the kill");
    const { hands } = world.cluster("east");
    await clock.runUntil(() => hands.runners().length === 1, 1_000, "its runner");
    await raiseMinimum(3);
    // ARC's controller creates nothing for a number that it has acted on.
    await clock.runUntil(() => hands.runners().length === 3, boundMs, "the take-over's runners");
  });
});

async function raiseMinimum(minRunners: number): Promise<void> {
  const { client } = world.cluster("east");
  const place = { namespace: "runners", name: "linux" };
  const body = { spec: { minRunners } };
  await client.patch(autoscalingRunnerSets, place, { type: "merge", body });
}
