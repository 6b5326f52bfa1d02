// Why: an AutoscalingRunnerSet and a scale set at the service belong together by an id kept as an
// annotation. Found by name or made new; looked up again now and then, because GitHub removes scale sets that
// were unused for days (actions/actions-runner-controller #4571).
import type { ActionsService, Outcome, ScaleSet } from "@runlet/actions-service/service";
import {
  annotations,
  autoscalingRunnerSets,
  type AutoscalingRunnerSet,
} from "@runlet/kubernetes/resources";
import { parseConfigUrl } from "@runlet/actions-service/config-url";
import { scopeLabels } from "../../child-metadata.ts";
import type { Context } from "../../context.ts";
import { keyOf, objectKey } from "../../object-key.ts";
import { ServiceFailed } from "../../services.ts";
import { scaleSetIdOf, wantedOf, type Wanted } from "./wanted.ts";

/** Something that the user can mend; said as an Event. */
export class NotServable extends Error {
  override name = "NotServable";
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

const defaultGroup = { id: 1, name: "Default" };

export interface Keeping {
  /** Ask the service whether it still knows the id. */
  verify: boolean;
  /** The set names another scope than before. */
  hasMoved: boolean;
  /** Labels that the manifest names and the scale set lacks, whenever they are known. */
  noteMissingLabels: (labels: string[]) => void;
}

/** The set with a usable id: made, found or confirmed as the service has it. */
export async function keepScaleSet(
  ctx: Context,
  set: AutoscalingRunnerSet,
  options: Keeping,
  signal: AbortSignal,
): Promise<AutoscalingRunnerSet> {
  const { set: kept, scaleSet } = await keep(ctx, set, options, signal);
  // The service sends them with every scale set; without any, nothing is known.
  if (scaleSet && scaleSet.labels.length > 0) {
    const there = new Set(scaleSet.labels.map((label) => label.toLowerCase()));
    const extra = set.spec.runnerScaleSetLabels ?? [];
    options.noteMissingLabels(extra.filter((label) => !there.has(label.toLowerCase())));
  }
  return kept;
}

interface Kept {
  set: AutoscalingRunnerSet;
  /** As the service has it, if it was asked. */
  scaleSet?: ScaleSet;
}

async function keep(
  ctx: Context,
  set: AutoscalingRunnerSet,
  options: Keeping,
  signal: AbortSignal,
): Promise<Kept> {
  const wanted = wantedOf(set);
  const { service } = await ctx.services.find(set.metadata.namespace ?? "", set.spec);
  const noted = scaleSetIdOf(set);
  const id = noted ?? idOfRunnerSet(ctx, set);
  // An id means nothing in another scope.
  if (id === undefined || options.hasMoved) return adopt(ctx, set, service, wanted, signal);
  const group = groupChange(set, wanted);
  const renamed = !isSame(set.metadata.annotations?.[annotations.runnerScaleSetName], wanted.name);
  if (group || renamed) {
    // A shared scale set is not ours to change: the target leaves it and joins the other.
    if (wanted.isShared) return adopt(ctx, set, service, wanted, signal);
    return change(ctx, set, service, { id, wanted, group, renamed }, signal);
  }
  if (noted !== undefined && !options.verify) return { set };
  const found = need(await service.findScaleSetById(id, { signal }), `scale set ${id}`);
  if (found && noted === undefined) return remember(ctx, set, found, undefined, {});
  if (found) return { set, scaleSet: found };
  ctx.log.warn("scale_set_gone", { set: objectKey(set), scaleSetId: id });
  return adopt(ctx, set, service, wanted, signal);
}

/**
 * Whoever replaces the manifest as a whole (`kubectl replace`, a GitOps tool) takes the annotation off. Without the id
 * a changed name would make a second scale set and leave the first one behind.
 */
function idOfRunnerSet(ctx: Context, { metadata: { uid = "" } }: AutoscalingRunnerSet) {
  const own = ctx.kinds.runnerSets.ownedBy(uid).find((one) => !ctx.kinds.runnerSets.isGoing(one));
  const id = own?.spec.ephemeralRunnerSpec?.runnerScaleSetId ?? 0;
  return id > 0 ? id : undefined;
}

/** Gets or creates by name and group. An existing one is taken as it is. */
async function adopt(
  ctx: Context,
  set: AutoscalingRunnerSet,
  service: ActionsService,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Kept> {
  const group = await findGroup(service, wanted.runnerGroup, signal);
  const by = { name: wanted.name, runnerGroupId: group.id };
  const find = async () =>
    need(await service.findScaleSet(by, { signal }), `looking for scale set ${wanted.name}`);
  let scaleSet = await find();
  if (scaleSet && !isOurs(set)) return remember(ctx, set, scaleSet, group.name, { isFound: true });
  if (!scaleSet) {
    await noteMaking(ctx, set);
    const made = await service.createScaleSet({ ...by, labels: wanted.labels }, { signal });
    const raced = !made.ok && made.failure.reason === "scale-set-exists";
    scaleSet = raced ? await find() : need(made, `creating scale set ${wanted.name}`);
    if (!raced)
      ctx.log.info("scale_set_created", { set: objectKey(set), scaleSetId: scaleSet?.id });
  }
  if (!scaleSet) throw new Error(`scale set ${wanted.name} exists but cannot be found`);
  return remember(ctx, set, scaleSet, group.name, { isFound: false });
}

function isOurs(set: AutoscalingRunnerSet): boolean {
  return set.metadata.annotations?.[annotations.scaleSetFound] === "false";
}

/** Written before the scale set is made: if the answer is lost or we die, it is known as ours when it is found. */
async function noteMaking(ctx: Context, set: AutoscalingRunnerSet): Promise<void> {
  if (isOurs(set)) return;
  const mark = { [annotations.scaleSetFound]: "false" };
  await ctx.client.patch<AutoscalingRunnerSet>(autoscalingRunnerSets, keyOf(set), {
    type: "merge",
    body: { metadata: { uid: set.metadata.uid, annotations: mark } },
  });
}

async function change(
  ctx: Context,
  set: AutoscalingRunnerSet,
  service: ActionsService,
  to: { id: number; wanted: Wanted; group: boolean; renamed: boolean },
  signal: AbortSignal,
): Promise<Kept> {
  const group = to.group ? await findGroup(service, to.wanted.runnerGroup, signal) : undefined;
  const outcome = await service.updateScaleSet(
    to.id,
    {
      ...(group ? { runnerGroupId: group.id } : {}),
      ...(to.renamed ? { name: to.wanted.name } : {}),
    },
    { signal },
  );
  if (!outcome.ok && outcome.failure.reason === "scale-set-gone") {
    return adopt(ctx, set, service, to.wanted, signal);
  }
  if (!outcome.ok && outcome.failure.reason === "scale-set-exists") {
    const message = `a scale set named ${to.wanted.name} exists already in its runner group`;
    throw new NotServable("ScaleSetExists", message);
  }
  const scaleSet = need(outcome, `changing scale set ${to.id}`);
  return remember(ctx, set, scaleSet, group?.name, {});
}

async function findGroup(service: ActionsService, name: string, signal: AbortSignal) {
  if (name === "" || isSame(name, defaultGroup.name)) return defaultGroup;
  const group = need(await service.findRunnerGroup(name, { signal }), `runner group ${name}`);
  if (group) return group;
  const message = `runner group ${JSON.stringify(name)} does not exist at GitHub; create it or change spec.runnerGroup`;
  throw new NotServable("RunnerGroupNotFound", message);
}

/** Back to the default group too, which ARC forgets. */
function groupChange(set: AutoscalingRunnerSet, wanted: Wanted): boolean {
  const confirmed = set.metadata.annotations?.[annotations.runnerGroupName];
  return !isSame(confirmed, wanted.runnerGroup || defaultGroup.name);
}

function isSame(a: string | undefined, b: string): boolean {
  return a?.toLowerCase() === b.toLowerCase();
}

async function remember(
  ctx: Context,
  set: AutoscalingRunnerSet,
  scaleSet: ScaleSet,
  groupName: string | undefined,
  { isFound }: { isFound?: boolean },
): Promise<Kept> {
  const { scope } = parseConfigUrl(set.spec.githubConfigUrl ?? "");
  const patched = await ctx.client.patch<AutoscalingRunnerSet>(autoscalingRunnerSets, keyOf(set), {
    type: "merge",
    body: {
      metadata: {
        // The API server refuses the patch if another object has the name by now.
        uid: set.metadata.uid,
        // Two reconcilers by mistake: what this one finds the other may have made, and has said so meanwhile.
        ...(isFound && { resourceVersion: set.metadata.resourceVersion }),
        labels: scopeLabels(scope),
        annotations: {
          [annotations.scaleSetId]: String(scaleSet.id),
          [annotations.runnerScaleSetName]: scaleSet.name,
          [annotations.runnerGroupName]: scaleSet.runnerGroupName || groupName || defaultGroup.name,
          ...(isFound !== undefined && { [annotations.scaleSetFound]: String(isFound) }),
        },
      },
    },
  });
  ctx.kinds.autoscaling.note(patched);
  return { set: patched, scaleSet };
}

function need<T>(outcome: Outcome<T>, attempt: string): T {
  if (outcome.ok) return outcome.value;
  throw new ServiceFailed(attempt, outcome.failure);
}
