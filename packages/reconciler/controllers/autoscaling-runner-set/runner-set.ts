// Why: there is one EphemeralRunnerSet for each AutoscalingRunnerSet, edited in place (ARC after 0.14.2; #4516). Sets
// that ARC 0.14 left under other names are drained: deleted, which a busy runner outlives until its job is done.
import { KubernetesError, type JsonPatchOperation } from "@runlet/kubernetes/client";
import {
  annotations,
  ephemeralRunnerSets,
  finalizers,
  type AutoscalingRunnerSet,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { runnerSetMetadata } from "../../child-metadata.ts";
import type { Context } from "../../context.ts";
import { contentHash } from "../../hash.ts";
import { keyOf, objectKey } from "../../object-key.ts";
import { removeObject } from "../../remove-object.ts";
import { runnerSetName } from "../../names.ts";
import { plain } from "../../pod.ts";
import { ownedBy } from "../../runner-pod.ts";
import { isDone } from "../ephemeral-runner/plan-runner.ts";
import { scaleSetIdOf } from "./wanted.ts";

/** Creates or edits the set's own EphemeralRunnerSet. Undefined: an old one of the name is still going. */
export async function keepRunnerSet(
  ctx: Context,
  set: AutoscalingRunnerSet,
): Promise<EphemeralRunnerSet | undefined> {
  const desired = desiredRunnerSet(ctx, set, await nameFor(ctx, set));
  for (const other of ctx.kinds.runnerSets.ownedBy(set.metadata.uid ?? "")) {
    if (other.metadata.name !== desired.metadata.name) await retire(ctx, other);
  }
  const there = ctx.kinds.runnerSets.find(keyOf(desired));
  if (there && ctx.kinds.runnerSets.isGoing(there)) return undefined;
  if (!there) return create(ctx, set, desired);
  if (mustDrain(ctx, there, desired)) return markDraining(ctx, there);
  return edit(ctx, there, desired);
}

/** On the object: a restart must not make runners of the old template, even while the service is away. */
async function markDraining(ctx: Context, there: EphemeralRunnerSet): Promise<EphemeralRunnerSet> {
  if (isDraining(there)) return there;
  ctx.log.info("runner_set_draining", { runnerSet: objectKey(there) });
  return patch(
    ctx,
    there,
    planMap("annotations", there.metadata.annotations, { [annotations.draining]: "true" }),
  );
}

/** No runner is made until the last one has gone: the template waits to be changed. */
export function isDraining(runnerSet: EphemeralRunnerSet): boolean {
  return runnerSet.metadata.annotations?.[annotations.draining] !== undefined;
}

/**
 * ARC 0.14's update strategy "eventual": no runner of the new template beside one of the old. Meanwhile none is made,
 * so that a minimum of idle runners does not hold it up for ever (actions/actions-runner-controller #4432).
 */
function mustDrain(ctx: Context, there: EphemeralRunnerSet, desired: EphemeralRunnerSet): boolean {
  if (ctx.updateStrategy !== "eventual" || isCurrent(there, desired)) return false;
  return ctx.kinds.runners.ownedBy(there.metadata.uid ?? "").some((runner) => !isDone(runner));
}

function isCurrent(there: EphemeralRunnerSet, desired: EphemeralRunnerSet): boolean {
  const hash = annotations.integrityHash;
  return there.metadata.annotations?.[hash] === desired.metadata.annotations?.[hash];
}

export async function retire(ctx: Context, runnerSet: EphemeralRunnerSet): Promise<void> {
  if (ctx.kinds.runnerSets.isGoing(runnerSet)) return;
  await removeObject(ctx, ephemeralRunnerSets, ctx.kinds.runnerSets, runnerSet);
  ctx.log.info("runner_set_retired", { runnerSet: objectKey(runnerSet) });
}

/** The one that we have made (it has a fence) and that stays. */
export function findOwn(ctx: Context, set: AutoscalingRunnerSet): EphemeralRunnerSet | undefined {
  return ctx.kinds.runnerSets.ownedBy(set.metadata.uid ?? "").find((one) => {
    const isOurs = one.metadata.annotations?.[annotations.fence] !== undefined;
    return isOurs && !ctx.kinds.runnerSets.isGoing(one);
  });
}

/** One that is there keeps its name, whatever name would be made today. */
async function nameFor(ctx: Context, set: AutoscalingRunnerSet): Promise<string> {
  const { name, namespace = "" } = set.metadata;
  const own = findOwn(ctx, set)?.metadata.name;
  return own ?? runnerSetName(await ctx.clusterIdFor(namespace), namespace, name);
}

function desiredRunnerSet(
  ctx: Context,
  set: AutoscalingRunnerSet,
  name: string,
): EphemeralRunnerSet {
  const scaleSetId = scaleSetIdOf(set);
  if (scaleSetId === undefined) throw new Error(`${objectKey(set)} has no scale set id`);
  const { template, ephemeralRunnerMetadata, ephemeralRunnerConfigSecretMetadata } = set.spec;
  // find-spec-problems.ts has seen its runner container.
  if (!template) throw new Error(`${objectKey(set)} has no template`);
  const {
    githubConfigUrl = "",
    githubConfigSecret = "",
    proxy,
    githubServerTLS,
    vaultConfig,
  } = set.spec;
  const namespace = set.metadata.namespace ?? "";
  const spec: NonNullable<EphemeralRunnerSet["spec"]["ephemeralRunnerSpec"]> = {
    ...plain(template),
    githubConfigUrl,
    githubConfigSecret,
    runnerScaleSetId: scaleSetId,
    ...(proxy ? { proxy } : {}),
    ...(githubServerTLS ? { githubServerTLS } : {}),
    ...(vaultConfig ? { vaultConfig } : {}),
    ...(ephemeralRunnerConfigSecretMetadata ? { ephemeralRunnerConfigSecretMetadata } : {}),
  };
  const metadata = runnerSetMetadata(set, ctx.excludedLabelPrefixes);
  const hash = contentHash([spec, ephemeralRunnerMetadata]);
  return {
    apiVersion: "actions.github.com/v1alpha1",
    kind: "EphemeralRunnerSet",
    metadata: {
      name,
      namespace,
      labels: metadata.labels,
      annotations: { ...metadata.annotations, [annotations.integrityHash]: hash },
      finalizers: [finalizers.ephemeralRunnerSet],
      ownerReferences: [ownedBy(set, "AutoscalingRunnerSet")],
    },
    spec: {
      replicas: 0,
      patchID: 0,
      ephemeralRunnerSpec: spec,
      ...(ephemeralRunnerMetadata ? { ephemeralRunnerMetadata } : {}),
    },
  };
}

async function create(
  ctx: Context,
  set: AutoscalingRunnerSet,
  desired: EphemeralRunnerSet,
): Promise<EphemeralRunnerSet> {
  const fence = { [annotations.fence]: "0" };
  const object: EphemeralRunnerSet = {
    ...desired,
    metadata: {
      ...desired.metadata,
      annotations: { ...desired.metadata.annotations, ...fence },
    },
  };
  try {
    const made = await ctx.client.create(ephemeralRunnerSets, object);
    ctx.kinds.runnerSets.note(made);
    ctx.log.info("runner_set_created", { set: objectKey(set), runnerSet: objectKey(made) });
    return made;
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.reason !== "AlreadyExists") throw error;
    // An answer that was lost: the object is ours and the cache is behind.
    const there = await ctx.client.find<EphemeralRunnerSet>(ephemeralRunnerSets, keyOf(object));
    const ours = there?.metadata.ownerReferences?.some((one) => one.uid === set.metadata.uid);
    if (!there || !ours) throw error;
    ctx.kinds.runnerSets.note(there);
    return there;
  }
}

/** Only what differs is written; what others put on the object stays (ARC compares for equality, #4634). */
async function edit(
  ctx: Context,
  there: EphemeralRunnerSet,
  desired: EphemeralRunnerSet,
): Promise<EphemeralRunnerSet> {
  const operations = planEdit(there, desired);
  if (operations.length === 0) return there;
  const patched = await patch(ctx, there, operations);
  ctx.log.info("runner_set_edited", { runnerSet: objectKey(there), operations: operations.length });
  return patched;
}

async function patch(
  ctx: Context,
  there: EphemeralRunnerSet,
  operations: JsonPatchOperation[],
): Promise<EphemeralRunnerSet> {
  const test = { op: "test", path: "/metadata/uid", value: there.metadata.uid } as const;
  const patched = await ctx.client.patch<EphemeralRunnerSet>(ephemeralRunnerSets, keyOf(there), {
    type: "json",
    operations: [test, ...operations],
  });
  ctx.kinds.runnerSets.note(patched);
  return patched;
}

export function planEdit(
  there: EphemeralRunnerSet,
  desired: EphemeralRunnerSet,
): JsonPatchOperation[] {
  const spec: JsonPatchOperation[] = isCurrent(there, desired)
    ? []
    : [
        { op: "add", path: "/spec/ephemeralRunnerSpec", value: desired.spec.ephemeralRunnerSpec },
        {
          op: "add",
          path: "/spec/ephemeralRunnerMetadata",
          value: desired.spec.ephemeralRunnerMetadata ?? {},
        },
      ];
  return [
    ...spec,
    ...planMap("labels", there.metadata.labels, desired.metadata.labels),
    ...planMap("annotations", there.metadata.annotations, desired.metadata.annotations),
    ...planFence(there),
    // In the same patch: before it, a runner of the old template would be made.
    ...(isDraining(there)
      ? [
          {
            op: "remove" as const,
            path: `/metadata/annotations/${annotations.draining.replace("/", "~1")}`,
          },
        ]
      : []),
  ];
}

function planMap(
  field: "labels" | "annotations",
  there: Record<string, string> | undefined,
  desired: Record<string, string> | undefined,
): JsonPatchOperation[] {
  const entries = Object.entries(desired ?? {}).filter(([key, value]) => there?.[key] !== value);
  if (entries.length === 0) return [];
  const base = there ? [] : [{ op: "add" as const, path: `/metadata/${field}`, value: {} }];
  const adds = entries.map(([key, value]) => ({
    op: "add" as const,
    path: `/metadata/${field}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`,
    value,
  }));
  return [...base, ...adds];
}

/** A fence that somebody removed: without one, two pollers could not tell who is the later. */
function planFence(there: EphemeralRunnerSet): JsonPatchOperation[] {
  const name = annotations.fence;
  if (!there.metadata.annotations || there.metadata.annotations[name] !== undefined) return [];
  return [{ op: "add", path: `/metadata/annotations/${name.replaceAll("/", "~1")}`, value: "0" }];
}
