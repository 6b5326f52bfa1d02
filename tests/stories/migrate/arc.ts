// Why: a migration begins and ends with ARC, whose controllers are Go and cannot run here. This writes what they write
// (controllers/actions.github.com, 0.14.2: autoscalingrunnerset, ephemeralrunnerset and ephemeralrunner controllers), as
// far as a change of hands can see it, over the same two simulators.
import { createActionsService } from "@runlet/actions-service/client";
import type { ActionsService, Outcome } from "@runlet/actions-service/service";
import type { KubernetesClient, KubernetesObject } from "@runlet/kubernetes/client";
import {
  annotations,
  autoscalingListeners,
  autoscalingRunnerSets,
  ephemeralRunnerSets,
  finalizers,
  type AutoscalingListener,
  type AutoscalingRunnerSet,
  type EphemeralRunner,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { plain } from "@runlet/reconciler/pod";
import type { VirtualWorld } from "@runlet/runlet/world/virtual-world";
import type { Clock } from "@runlet/runtime/clock";
import { createSilentLog } from "@runlet/runtime/log";
import { createSeededRandom, type Random } from "@runlet/runtime/random";
import { listenForArc } from "./arc-listener.ts";
import { reconcileRunners } from "./arc-runners.ts";

/** Where ARC's controller and its listeners are. */
export const arcNamespace = "arc-systems";
/** ARC 0.14.2 holds a runner set by the finalizer of its runners (constants.go). */
export const arcFinalizer = finalizers.ephemeralRunner;
const listenerFinalizer = "autoscalinglistener.actions.github.com/finalizer";
const tickMs = 200;

export interface ArcParts {
  clock: Clock;
  random: Random;
  admin: KubernetesClient;
  service: ActionsService;
  namespace: string;
  /** Objects of the namespace, straight from the store. */
  all<T extends KubernetesObject>(kind: string): T[];
}

export interface Arc {
  /** `kubectl scale deployment … --replicas 1` or `0`. Listeners are pods of their own and go on. */
  startController(): void;
  stopController(): void;
  /** Names of the namespace's AutoscalingListeners, and of their pods. */
  listeners(): string[];
  /** `kubectl delete pod`; resolves when it is gone. Nobody but the controller makes it anew. */
  deletePod(name: string): Promise<void>;
}

/** ARC for one namespace (`flags.watchSingleNamespace`); nothing runs yet. */
export function createArc(world: VirtualWorld, cluster: string, namespace: string): Arc {
  const { clock } = world;
  const { admin, api } = world.clusters.get(cluster) ?? {};
  if (!admin || !api) throw new Error(`there is no cluster ${cluster}`);
  const random = createSeededRandom(namespace.length);
  const versions: Record<string, string> = { Pod: "v1", Secret: "v1" };
  const objects = <T extends KubernetesObject>(kind: string, where: string) =>
    // `as`: the store holds what was written as this kind.
    api.objects(versions[kind] ?? "actions.github.com/v1alpha1", kind, where) as unknown as T[];
  const service = createActionsService({
    fetch: world.service.fetch,
    clock,
    random,
    log: createSilentLog(),
    configUrl: world.configUrl,
    credential: async () => ({ kind: "pat", token: world.pat }),
    system: { name: "actions-runner-controller", version: "0.14.2", subsystem: "story" },
    limitMs: 5_000,
  });
  const parts: ArcParts = {
    clock,
    random,
    admin,
    service,
    namespace,
    all: (kind) => objects(kind, namespace),
  };
  const listeners = () =>
    objects<AutoscalingListener>("AutoscalingListener", arcNamespace).filter(
      ({ spec }) => spec.autoscalingRunnerSetNamespace === namespace,
    );
  const listenerPods = new Map<string, { stop: AbortController; ended: Promise<void> }>();
  let controller: AbortController | undefined;

  async function control(signal: AbortSignal) {
    while (!signal.aborted) {
      for (const set of parts.all<AutoscalingRunnerSet>("AutoscalingRunnerSet")) {
        await keepSet(parts, set);
        const isServed = listeners().some(
          ({ spec }) => spec.autoscalingRunnerSetName === set.metadata.name,
        );
        if (isServed || signal.aborted) continue;
        const name = await createListener(parts, set);
        const stop = new AbortController();
        const ended = listenForArc(parts, set.metadata.name, name, stop.signal);
        listenerPods.set(name, { stop, ended });
      }
      await reconcileRunners(parts);
      await clock.sleep(tickMs, signal).catch(() => {});
    }
  }

  return {
    startController() {
      controller = new AbortController();
      void control(controller.signal);
    },
    stopController: () => controller?.abort(new Error("scaled to 0")),
    listeners: () => listeners().map(({ metadata }) => metadata.name),
    async deletePod(name) {
      listenerPods.get(name)?.stop.abort(new Error("SIGTERM"));
      await listenerPods.get(name)?.ended;
    },
  };
}

/** The scale set at the service, its id on the set, and one runner set of ARC's own; others are deleted. */
async function keepSet(parts: ArcParts, set: AutoscalingRunnerSet): Promise<void> {
  const { admin, namespace } = parts;
  const { name, uid = "" } = set.metadata;
  const id = scaleSetIdOf(set) ?? (await register(parts, name));
  const key = { namespace, name };
  const noted = { [annotations.scaleSetId]: String(id), [annotations.runnerScaleSetName]: name };
  const body = {
    metadata: { annotations: noted, finalizers: [finalizers.autoscalingRunnerSet] },
  };
  if (scaleSetIdOf(set) === undefined)
    await admin.patch(autoscalingRunnerSets, key, { type: "merge", body });
  const owned = ownedBy<EphemeralRunnerSet>(parts, "EphemeralRunnerSet", uid);
  const current = owned.find(isOfArc);
  if (!current) await createRunnerSet(parts, set, id);
  for (const other of owned.filter((one) => !isOfArc(one) && !one.metadata.deletionTimestamp))
    await admin.remove(ephemeralRunnerSets, other.metadata);
}

async function register({ service }: ArcParts, name: string): Promise<number> {
  const found = must(await service.findScaleSet({ name, runnerGroupId: 1 }));
  if (found) return found.id;
  return must(await service.createScaleSet({ name, runnerGroupId: 1, labels: [name] })).id;
}

async function createRunnerSet(
  { admin, random, namespace }: ArcParts,
  set: AutoscalingRunnerSet,
  runnerScaleSetId: number,
): Promise<void> {
  const { name, uid = "" } = set.metadata;
  const { template, githubConfigUrl = "", githubConfigSecret = "" } = set.spec;
  const owner = { apiVersion: "actions.github.com/v1alpha1", kind: "AutoscalingRunnerSet" };
  await admin.create<EphemeralRunnerSet>(ephemeralRunnerSets, {
    metadata: {
      name: `${name}-${Buffer.from(random.bytes(3)).toString("hex")}`,
      namespace,
      annotations: { [specHash]: "x" },
      finalizers: [arcFinalizer],
      ownerReferences: [{ ...owner, name, uid, controller: true }],
    },
    spec: {
      replicas: 0,
      patchID: 0,
      ephemeralRunnerSpec: {
        ...(template && plain(template)),
        githubConfigUrl,
        githubConfigSecret,
        runnerScaleSetId,
      },
    },
  });
}

/** What tells ARC's runner sets from others, to ARC (the hash of what the set should be). */
const specHash = "actions.github.com/runner-spec-hash";

export function isOfArc({ metadata }: EphemeralRunnerSet): boolean {
  return metadata.annotations?.[specHash] !== undefined && metadata.deletionTimestamp === undefined;
}

async function createListener({ admin, namespace }: ArcParts, set: AutoscalingRunnerSet) {
  const name = `${set.metadata.name}-754b578d-listener`;
  await admin.create<AutoscalingListener>(autoscalingListeners, {
    metadata: { name, namespace: arcNamespace, finalizers: [listenerFinalizer] },
    spec: {
      autoscalingRunnerSetNamespace: namespace,
      autoscalingRunnerSetName: set.metadata.name,
    },
  });
  return name;
}

export function scaleSetIdOf({ metadata }: AutoscalingRunnerSet): number | undefined {
  const text = metadata.annotations?.[annotations.scaleSetId];
  return text === undefined ? undefined : Number(text);
}

export function ownedBy<T extends EphemeralRunnerSet | EphemeralRunner>(
  parts: ArcParts,
  kind: string,
  uid: string,
): T[] {
  return parts
    .all<T>(kind)
    .filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid));
}

export function must<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw new Error(outcome.failure.message);
}
