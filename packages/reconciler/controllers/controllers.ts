// Why: which change of which object leads to which pass.
import type { KubernetesObject } from "@runlet/kubernetes/client";
import type { Context } from "../context.ts";
import type { Kind } from "../kinds.ts";
import { controllerOf, objectKey, parseKey } from "../object-key.ts";
import type { Namespace } from "../namespace-scope.ts";
import { createWorkQueue, type QueueFigures, type WorkQueue } from "../work-queue.ts";
import { claimOf } from "./autoscaling-runner-set/claim.ts";
import { findFreed, type Claim } from "./autoscaling-runner-set/plan-claim.ts";
import {
  createAutoscalingMemory,
  forgetAutoscaling,
  reconcileAutoscaling,
  type AutoscalingMemory,
} from "./autoscaling-runner-set/reconcile.ts";
import { reconcileRunner } from "./ephemeral-runner/reconcile.ts";
import {
  createSetMemory,
  noteOrder,
  reconcileRunnerSet,
  type SetMemory,
} from "./ephemeral-runner-set/reconcile.ts";

export interface Controllers {
  run(signal: AbortSignal): Promise<void>;
  /** The namespace can be read from now on. */
  lookAt(namespace: string): void;
  busyCount(): number;
  figures(): QueueFigures[];
}

interface Queues {
  autoscaling: WorkQueue;
  runnerSets: WorkQueue;
  runners: WorkQueue;
}

/** Subscribes at once; passes begin with `run`. */
export function createControllers(
  ctx: Context,
  labelled: Kind<Namespace> | undefined,
): Controllers {
  const memory = { autoscaling: createAutoscalingMemory(), runnerSets: createSetMemory() };
  const queues = createQueues(ctx, memory);
  Object.assign(ctx.wake, {
    autoscaling: (key: string) => queues.autoscaling.add(key),
    runnerSet: (key: string) => queues.runnerSets.addAfter(key, ctx.settings.gatherMs),
    runner: (key: string) => queues.runners.add(key),
  });
  followAutoscaling(ctx, queues, memory);
  followRunners(ctx, queues);
  labelled?.onChange(({ object }) => addAllOf(ctx, queues, object.metadata.name));
  const all = Object.values(queues);
  return {
    run: async (signal) => void (await Promise.all(all.map((queue) => queue.run(signal)))),
    lookAt: (namespace) => addAllOf(ctx, queues, namespace),
    busyCount: () => all.reduce((sum, queue) => sum + queue.busyCount(), 0),
    figures: () => all.map((queue) => queue.figures()),
  };
}

interface Memory {
  autoscaling: AutoscalingMemory;
  runnerSets: SetMemory;
}

function createQueues(ctx: Context, memory: Memory): Queues {
  const { settings } = ctx;
  const common = { backoff: settings.passBackoff, changeDelayMs: settings.changeDelayMs };
  return {
    autoscaling: createWorkQueue(ctx, {
      ...common,
      name: "autoscaling-runner-sets",
      concurrency: settings.autoscalingPasses,
      pass: (key, signal) => reconcileAutoscaling(ctx, memory.autoscaling, key, signal),
    }),
    runnerSets: createWorkQueue(ctx, {
      ...common,
      name: "ephemeral-runner-sets",
      concurrency: settings.runnerSetPasses,
      pass: (key, signal) => reconcileRunnerSet(ctx, memory.runnerSets, key, signal),
    }),
    runners: createWorkQueue(ctx, {
      ...common,
      name: "ephemeral-runners",
      concurrency: settings.runnerPasses,
      lanes: { of: (key) => scopeOf(ctx, key), concurrency: settings.runnerPassesPerScope },
      pass: (key, signal) => reconcileRunner(ctx, key, signal),
    }),
  };
}

function scopeOf(ctx: Context, runner: string): string {
  return ctx.kinds.runners.find(parseKey(runner))?.spec.githubConfigUrl ?? "";
}

function followAutoscaling(ctx: Context, queues: Queues, memory: Memory) {
  const { autoscaling, runnerSets, listeners } = ctx.kinds;
  const claims = new Map<string, Claim>();
  const generations = new Map<string, number | undefined>();
  autoscaling.onChange(({ type, object }) => {
    const { uid = "", generation } = object.metadata;
    const anew = generations.get(uid) !== generation;
    generations.set(uid, generation);
    queues.autoscaling.add(objectKey(object), { anew });
    const [before, now] = [claims.get(uid), type === "set" ? claimOf(object) : undefined];
    if (now) claims.set(uid, now);
    else claims.delete(uid);
    const freed = before ? findFreed(before, now, [...claims.values()]) : [];
    for (const { key } of freed) queues.autoscaling.add(key);
    if (type === "set") return;
    generations.delete(uid);
    forgetAutoscaling(memory.autoscaling, uid);
  });
  listeners.onChange(({ object }) => {
    const { autoscalingRunnerSetNamespace: namespace, autoscalingRunnerSetName: name } =
      object.spec;
    queues.autoscaling.add(`${namespace ?? ""}/${name ?? ""}`);
    addAllOf(ctx, queues, namespace ?? "");
  });
  runnerSets.onChange(({ type, object }) => {
    if (type === "set") noteOrder(memory.runnerSets, object);
    else forgetSet(ctx, memory.runnerSets, object.metadata.uid ?? "");
    queues.runnerSets.add(objectKey(object));
    addOwner(queues.autoscaling, object);
  });
}

function followRunners(ctx: Context, queues: Queues) {
  const { runners, pods } = ctx.kinds;
  runners.onChange(({ type, object }) => {
    if (type === "gone") ctx.memory.forget(object.metadata.uid ?? "");
    else queues.runners.add(objectKey(object));
    const owner = controllerOf(object);
    if (owner) ctx.wake.runnerSet(`${object.metadata.namespace ?? ""}/${owner.name}`);
  });
  pods.onChange(({ object }) => {
    if (controllerOf(object)?.kind === "EphemeralRunner") addOwner(queues.runners, object);
  });
}

function forgetSet(ctx: Context, memory: SetMemory, uid: string) {
  ctx.breakers.forget(uid);
  ctx.unresolved.delete(uid);
  ctx.idleWatches.delete(uid);
  memory.newOrders.delete(uid);
  memory.seenPatchIds.delete(uid);
  memory.statusWrites.delete(uid);
}

function addOwner(queue: WorkQueue, object: KubernetesObject) {
  const owner = controllerOf(object);
  if (owner) queue.add(`${object.metadata.namespace ?? ""}/${owner.name}`);
}

function addAll(queue: WorkQueue, objects: KubernetesObject[]) {
  for (const object of objects) queue.add(objectKey(object));
}

/** A namespace became ours, or stopped to be: everything in it is looked at once. */
function addAllOf(ctx: Context, queues: Queues, namespace: string) {
  const here = (object: KubernetesObject) => object.metadata.namespace === namespace;
  addAll(queues.autoscaling, ctx.kinds.autoscaling.all());
  addAll(queues.runnerSets, ctx.kinds.runnerSets.all().filter(here));
  addAll(queues.runners, ctx.kinds.runners.all().filter(here));
}
