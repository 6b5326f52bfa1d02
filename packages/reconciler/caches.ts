// Why: all that the passes read comes from watches. They are opened place by place (the whole cluster, or each named
// namespace), since one namespace that cannot be read must not hold up the others.
import type { KubernetesObject, Resource } from "@runlet/kubernetes/client";
import {
  autoscalingListeners,
  autoscalingRunnerSets,
  ephemeralRunners,
  ephemeralRunnerSets,
  labels,
  namespaces as namespaceKind,
  pods,
} from "@runlet/kubernetes/resources";
import type { WatchedKind, WatchOptions } from "@runlet/kubernetes/watch";
import type { Kinds } from "./context.ts";
import { createKind, type Kind } from "./kinds.ts";
import type { Namespace } from "./namespace-scope.ts";

export interface Caches {
  kinds: Kinds;
  /** Absent when the namespaces are named. */
  labelled: Kind<Namespace> | undefined;
  places: readonly Place[];
}

/** What is watched in one namespace, or (undefined) in the cluster. */
export interface Place {
  namespace: string | undefined;
  /** Resolves when every first list is in; rejects when the signal of the caches aborts before. */
  ready(): Promise<void>;
  freshness(): Freshness;
}

export interface Freshness {
  /** Every first list is in. */
  isListed: boolean;
  /** Since when the worst of its watches is not live; undefined: all are. */
  staleSinceMs: number | undefined;
  /** When the quietest of them was heard. */
  heardAtMs: number;
}

type Watch = <T extends KubernetesObject>(options: WatchOptions) => WatchedKind<T>;

/** Lists and watches at once, until `signal` aborts. `names`: these namespaces instead of the whole cluster. */
export function createCaches(
  watch: Watch,
  names: readonly string[] | undefined,
  signal: AbortSignal,
): Caches {
  const where: readonly (string | undefined)[] = names ?? [undefined];
  const watches = new Map(where.map((place) => [place, [] as WatchedKind<KubernetesObject>[]]));

  function kindOf<T extends KubernetesObject>(
    resource: Resource,
    more: Pick<WatchOptions, "labelSelector" | "absentEveryMs"> = {},
  ): Kind<T> {
    const watched = new Map(
      where.map((namespace) => [
        namespace,
        watch<T>({ resource, signal, ...more, ...(namespace ? { namespace } : {}) }),
      ]),
    );
    for (const [place, one] of watched) watches.get(place)?.push(one);
    return createKind(
      [...watched.values()],
      (object) => watched.get(object.metadata.namespace) ?? watched.get(undefined),
    );
  }

  return {
    kinds: {
      autoscaling: kindOf(autoscalingRunnerSets),
      runnerSets: kindOf(ephemeralRunnerSets),
      runners: kindOf(ephemeralRunners),
      pods: kindOf(pods, { labelSelector: `${labels.ephemeralRunner}=True` }),
      // ARC keeps its listeners in its own namespace, whichever that is. Where only named namespaces may be read, an ARC
      // that serves one of them from elsewhere cannot be seen. Whoever has left ARC may have removed its kind.
      listeners: kindOf(autoscalingListeners, { absentEveryMs: 60_000 }),
    },
    labelled: names
      ? undefined
      : kindOf(namespaceKind, { labelSelector: `${labels.managed}=true` }),
    places: [...watches].map(([namespace, all]) => placeOf(namespace, all)),
  };
}

function placeOf(namespace: string | undefined, watches: WatchedKind<KubernetesObject>[]): Place {
  return {
    namespace,
    async ready() {
      await Promise.all(watches.map((one) => one.ready()));
    },
    freshness() {
      const states = watches.map((one) => one.state());
      const stale = states.filter(({ state }) => state !== "live").map(({ since }) => since);
      return {
        isListed: states.every(({ state }) => state !== "starting"),
        staleSinceMs: stale.length > 0 ? Math.min(...stale) : undefined,
        heardAtMs: Math.min(...watches.map((one) => one.heardAtMs())),
      };
    },
  };
}
