// Why: a set leaves in one order: runner set (which waits for its runners), scale set at the service, the objects
// that ARC's chart protects until then, its own finalizer. Each step may be cut off and done again.
import { KubernetesError, type Resource } from "@runlet/kubernetes/client";
import {
  annotations,
  autoscalingRunnerSets,
  finalizers,
  secrets,
  type AutoscalingRunnerSet,
} from "@runlet/kubernetes/resources";
import { describeError } from "@runlet/runtime/log";
import { isClusterAway } from "../../cluster-away.ts";
import type { Context } from "../../context.ts";
import { keyOf, objectKey } from "../../object-key.ts";
import { ServiceFailed } from "../../services.ts";
import type { PassResult } from "../../work-queue.ts";
import { planKept } from "./plan-finalize.ts";
import { retire } from "./runner-set.ts";
import { isShared, scaleSetIdOf } from "./wanted.ts";

export async function finalizeAutoscaling(
  ctx: Context,
  set: AutoscalingRunnerSet,
  signal: AbortSignal,
): Promise<PassResult> {
  const held = set.metadata.finalizers ?? [];
  if (!held.includes(finalizers.autoscalingRunnerSet)) return {};
  const children = ctx.kinds.runnerSets.ownedBy(set.metadata.uid ?? "");
  const kept = await decideKept(ctx, set, children[0]?.metadata.annotations?.[annotations.fence]);
  for (const child of children) await retire(ctx, child);
  // Their disappearance is a change that leads back here.
  if (children.length > 0) return {};
  const id = scaleSetIdOf(set);
  if (id !== undefined && kept)
    ctx.log.info("scale_set_kept", { set: objectKey(set), scaleSetId: id });
  if (id !== undefined && !kept) await deleteScaleSet(ctx, set, id, signal);
  await releaseChartObjects(ctx, set);
  await dropFinalizer(ctx, set, held);
  return {};
}

/** The decision needs the fence, which goes with the runner set: where it matters it is written down before. */
async function decideKept(
  ctx: Context,
  set: AutoscalingRunnerSet,
  fence: string | undefined,
): Promise<boolean> {
  const text = set.metadata.annotations?.[annotations.scaleSetKept];
  const noted = text === "true" || text === "false" ? text : undefined;
  const isFound = set.metadata.annotations?.[annotations.scaleSetFound] === "true";
  const kept = planKept({ isShared: isShared(set), isFound, noted, fence });
  if ((isShared(set) || isFound) && noted === undefined && fence !== undefined) {
    const patched = await ctx.client.patch<AutoscalingRunnerSet>(
      autoscalingRunnerSets,
      keyOf(set),
      {
        type: "merge",
        body: { metadata: { annotations: { [annotations.scaleSetKept]: String(kept) } } },
      },
    );
    ctx.kinds.autoscaling.note(patched);
  }
  return kept;
}

async function deleteScaleSet(
  ctx: Context,
  set: AutoscalingRunnerSet,
  id: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { service } = await ctx.services.find(set.metadata.namespace ?? "", set.spec);
    const outcome = await service.deleteScaleSet(id, { signal });
    if (!outcome.ok) throw new ServiceFailed(`deleting scale set ${id}`, outcome.failure);
    ctx.log.info("scale_set_deleted", { set: objectKey(set), scaleSetId: id });
  } catch (error) {
    const why = await whyAbandoned(ctx, set, error);
    if (why === undefined) throw error;
    const message = `scale set ${id} was left to GitHub: ${why}`;
    await ctx.events.warn(set, "AutoscalingRunnerSet", "ScaleSetAbandoned", message);
  }
  // So that nothing that follows needs the credential again.
  const patched = await ctx.client.patch<AutoscalingRunnerSet>(autoscalingRunnerSets, keyOf(set), {
    type: "merge",
    body: { metadata: { annotations: { [annotations.scaleSetId]: null } } },
  });
  ctx.kinds.autoscaling.note(patched);
}

/** Undefined while it is worth another try; ARC would try for ever, and hold the namespace as long. */
async function whyAbandoned(
  ctx: Context,
  set: AutoscalingRunnerSet,
  error: unknown,
): Promise<string | undefined> {
  // The cluster itself is away: that says nothing about the service.
  if (isClusterAway(error)) return undefined;
  if (await isOrphan(ctx, set)) return "its credential is gone";
  const refusedMs = ctx.clock.wallMs() - (await noteRefusal(ctx, set));
  return refusedMs >= ctx.settings.busyGiveUpMs ? describeError(error) : undefined;
}

/** Since when (wall ms). It stands on the object, or each restart of ours would begin the hour anew. */
async function noteRefusal(ctx: Context, set: AutoscalingRunnerSet): Promise<number> {
  const now = ctx.clock.wallMs();
  const noted = Date.parse(set.metadata.annotations?.[annotations.deletionRefused] ?? "");
  if (noted <= now) return Math.max(noted, Date.parse(set.metadata.deletionTimestamp ?? "") || 0);
  const since = new Date(now).toISOString();
  const patched = await ctx.client.patch<AutoscalingRunnerSet>(autoscalingRunnerSets, keyOf(set), {
    type: "merge",
    body: { metadata: { annotations: { [annotations.deletionRefused]: since } } },
  });
  ctx.kinds.autoscaling.note(patched);
  return now;
}

async function isOrphan(ctx: Context, set: AutoscalingRunnerSet): Promise<boolean> {
  const namespace = set.metadata.namespace ?? "";
  const deletedMs = ctx.clock.wallMs() - Date.parse(set.metadata.deletionTimestamp ?? "");
  const late = deletedMs >= ctx.settings.orphanGiveUpMs;
  const terminating = ctx.scope.isTerminating(namespace);
  if (!terminating && !late) return false;
  const credential = await ctx.services.lookForCredential(namespace, set.spec);
  return credential === "gone" || (terminating && credential === "forbidden");
}

const rbac = (plural: string, kind: string): Resource => ({
  group: "rbac.authorization.k8s.io",
  version: "v1",
  plural,
  kind,
  namespaced: true,
});
const roles = rbac("roles", "Role");
const roleBindings = rbac("rolebindings", "RoleBinding");
const serviceAccounts: Resource = {
  group: "",
  version: "v1",
  plural: "serviceaccounts",
  kind: "ServiceAccount",
  namespaced: true,
};

/** ARC's order: the manager's own grant goes last (0.14.2, autoscalingrunnerset_controller.go). */
const chartObjects: readonly (readonly [string, Resource])[] = [
  ["cleanup-kubernetes-mode-role-binding-name", roleBindings],
  ["cleanup-kubernetes-mode-role-name", roles],
  ["cleanup-kubernetes-mode-service-account-name", serviceAccounts],
  ["cleanup-no-permission-service-account-name", serviceAccounts],
  ["cleanup-github-secret-name", secrets],
  ["cleanup-manager-role-binding", roleBindings],
  ["cleanup-manager-role-name", roles],
];

/** Helm deletes these with the set, but they are needed until here; the finalizer holds them back. */
async function releaseChartObjects(ctx: Context, set: AutoscalingRunnerSet): Promise<void> {
  const namespace = set.metadata.namespace ?? "";
  for (const [annotation, resource] of chartObjects) {
    const name = set.metadata.annotations?.[`actions.github.com/${annotation}`];
    if (!name) continue;
    try {
      const found = await ctx.client.find(resource, { namespace, name });
      const held = found?.metadata.finalizers ?? [];
      if (!held.includes(finalizers.cleanupProtection)) continue;
      const value = held.filter((one) => one !== finalizers.cleanupProtection);
      await ctx.client.patch(
        resource,
        { namespace, name },
        {
          type: "json",
          operations: [
            { op: "test", path: "/metadata/finalizers", value: held },
            { op: "replace", path: "/metadata/finalizers", value },
          ],
        },
      );
    } catch (error) {
      // Without the grant (it may be gone already) there is nothing that we could release.
      const gone = error instanceof KubernetesError && [403, 404].includes(error.status);
      if (!gone) throw error;
      ctx.log.warn("chart_object_not_released", { kind: resource.kind, name, error });
    }
  }
}

async function dropFinalizer(
  ctx: Context,
  set: AutoscalingRunnerSet,
  held: string[],
): Promise<void> {
  const value = held.filter((one) => one !== finalizers.autoscalingRunnerSet);
  try {
    await ctx.client.patch(autoscalingRunnerSets, keyOf(set), {
      type: "json",
      operations: [
        { op: "test", path: "/metadata/uid", value: set.metadata.uid },
        { op: "test", path: "/metadata/finalizers", value: held },
        { op: "replace", path: "/metadata/finalizers", value },
      ],
    });
    ctx.log.info("runner_set_gone", { set: objectKey(set) });
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.status !== 404) throw error;
  }
}
