// Why: the status of a runner is what users and pollers read; only changes are written.
import { ephemeralRunners, type EphemeralRunner } from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { controllerOf, keyOf } from "../../object-key.ts";

type Status = NonNullable<EphemeralRunner["status"]>;
/** Undefined removes a field; a field that is not named stays (the job fields are the poller's). */
export type StatusChange = {
  [field in keyof Status]?: Status[field] | undefined;
};

export async function patchStatus(
  ctx: Context,
  runner: EphemeralRunner,
  change: StatusChange,
): Promise<EphemeralRunner> {
  const status = Object.fromEntries(
    Object.entries(change).map(([field, value]) => [field, value === "" ? null : (value ?? null)]),
  );
  const patched = await ctx.client.patch<EphemeralRunner>(
    ephemeralRunners,
    keyOf(runner),
    { type: "merge", body: { status } },
    { subresource: "status" },
  );
  ctx.kinds.runners.note(patched);
  return patched;
}

export function wakeRunnerSet(ctx: Context, runner: EphemeralRunner): void {
  const owner = controllerOf(runner);
  if (owner) ctx.wake.runnerSet(`${runner.metadata.namespace ?? ""}/${owner.name}`);
}
