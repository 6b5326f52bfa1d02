// Why: new runners of a set. Each name is drawn here and each answer that was lost is looked up by it, so
// that a retry never makes one runner too many.
import { KubernetesError } from "@runlet/kubernetes/client";
import { ephemeralRunners, finalizers, type EphemeralRunner } from "@runlet/kubernetes/resources";
import { runnerMetadata } from "../../child-metadata.ts";
import type { Context } from "../../context.ts";
import { eachLimited } from "../../each-limited.ts";
import { keyOf } from "../../object-key.ts";
import { drawRunnerName } from "../../names.ts";
import { proxySecretName } from "../../proxy-secret.ts";
import { ownedBy } from "../../runner-pod.ts";
import type { SetObservation } from "./observe.ts";

export interface Created {
  created: number;
  /** Refused by the cluster (quota, admission): how many, and its words. */
  refused: number;
  message: string;
}

/** Throws for what is neither made nor refused; the next pass counts again. */
export async function createRunners(
  ctx: Context,
  seen: SetObservation,
  count: number,
  signal: AbortSignal,
): Promise<Created> {
  const result: Created = { created: 0, refused: 0, message: "" };
  const slots = Array.from({ length: count }, (_, at) => at);
  const atOnce = ctx.settings.writesAtOnce;
  await eachLimited(slots, { atOnce, signal }, async () => {
    // One refusal says it for all: the rest would be refused too.
    if (result.refused > 0) return void result.refused++;
    const runner = newRunner(ctx, seen);
    const made = await createOne(ctx, seen.uid, runner);
    if (made instanceof KubernetesError) {
      result.refused++;
      // Without the name, which is drawn anew each time: the same refusal is the same event.
      result.message = made.message.replaceAll(runner.metadata.name, "a runner");
    } else {
      result.created++;
      ctx.kinds.runners.note(made);
    }
  });
  return result;
}

/**
 * Looks for the runners whose creation got no answer, and takes those that exist. Before that nobody knows how many
 * there are, so nothing may be created. Throws when the cluster does not say.
 */
export async function resolveUnanswered(ctx: Context, seen: SetObservation): Promise<number> {
  const names = ctx.unresolved.get(seen.uid) ?? new Set<string>();
  let found = 0;
  for (const name of names) {
    const key = { namespace: seen.set.metadata.namespace ?? "", name };
    const there = await ctx.client.find<EphemeralRunner>(ephemeralRunners, key);
    if (there && !ctx.kinds.runners.find(key)) found++;
    if (there) ctx.kinds.runners.note(there);
    names.delete(name);
  }
  ctx.unresolved.delete(seen.uid);
  return found;
}

async function createOne(
  ctx: Context,
  uid: string,
  runner: EphemeralRunner,
): Promise<EphemeralRunner | KubernetesError> {
  try {
    return await ctx.client.create(ephemeralRunners, runner);
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    if (error.status === 403 || error.status === 422) return error;
    if (error.status > 0 && error.status < 500 && error.status !== 409) throw error;
    const names = ctx.unresolved.get(uid) ?? new Set();
    ctx.unresolved.set(uid, names.add(runner.metadata.name));
    const there = await ctx.client.find<EphemeralRunner>(ephemeralRunners, keyOf(runner));
    names.delete(runner.metadata.name);
    if (there) return there;
    throw error;
  }
}

function newRunner(ctx: Context, seen: SetObservation): EphemeralRunner {
  const { set, specHash } = seen;
  const spec = set.spec.ephemeralRunnerSpec;
  const namespace = set.metadata.namespace ?? "";
  if (!spec) throw new Error(`runner set ${namespace}/${set.metadata.name} has no runner spec`);
  return {
    apiVersion: "actions.github.com/v1alpha1",
    kind: "EphemeralRunner",
    metadata: {
      name: drawRunnerName(ctx.random, set.metadata.name),
      namespace,
      ...runnerMetadata(set, specHash),
      finalizers: [finalizers.ephemeralRunner, finalizers.runnerRegistration],
      ownerReferences: [ownedBy(set, "EphemeralRunnerSet")],
    },
    spec: spec.proxy ? { ...spec, proxySecretRef: proxySecretName(set) } : spec,
  };
}
