// Why: three controllers share one view of the cluster, one way to the service and one memory. This is
// all that a pass may use; it is put together once, in reconciler.ts.
import type { KubernetesClient } from "@runlet/kubernetes/client";
import type {
  AutoscalingListener,
  AutoscalingRunnerSet,
  EphemeralRunner,
  EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import type { Breakers } from "./breaker.ts";
import type { Events } from "./events.ts";
import type { IdleWatch } from "./idleness.ts";
import type { Kind } from "./kinds.ts";
import type { Pod } from "./pod.ts";
import type { RegistrationLimit } from "./registration-limit.ts";
import type { RunnerMemory } from "./runner-memory.ts";
import type { NamespaceScope } from "./namespace-scope.ts";
import type { Services } from "./services.ts";
import type { ReconcilerSettings } from "./settings.ts";

export interface Kinds {
  autoscaling: Kind<AutoscalingRunnerSet>;
  runnerSets: Kind<EphemeralRunnerSet>;
  runners: Kind<EphemeralRunner>;
  pods: Kind<Pod>;
  listeners: Kind<AutoscalingListener>;
}

export interface Context {
  client: KubernetesClient;
  clock: Clock;
  random: Random;
  log: Log;
  settings: ReconcilerSettings;
  /** Runlet's version, for the user agent of runners. */
  version: string;
  /** Tells clusters apart: the uid of kube-system, or where only named namespaces may be read, of that namespace. */
  clusterIdFor(namespace: string): Promise<string>;
  /** ARC 0.14's: a changed template replaces idle runners at once, or waits until no runner is left. */
  updateStrategy: "immediate" | "eventual";
  /** Label keys that begin with one of these are not copied to children. */
  excludedLabelPrefixes: readonly string[];
  kinds: Kinds;
  scope: NamespaceScope;
  services: Services;
  limit: RegistrationLimit;
  memory: RunnerMemory;
  breakers: Breakers;
  events: Events;
  /** Asks another controller for a pass; `key` is namespace/name. */
  wake: {
    autoscaling(key: string): void;
    runnerSet(key: string): void;
    runner(key: string): void;
  };
  /** Scale sets (by AutoscalingRunnerSet uid) that the service does not seem to know any more. */
  doubted: Set<string>;
  /** Runner sets (uid) that jobs wait for although they have idle runners. */
  idleWatches: Map<string, IdleWatch>;
  /** Runners (names, by uid of their set) that may or may not have been created: no answer came. */
  unresolved: Map<string, Set<string>>;
}
