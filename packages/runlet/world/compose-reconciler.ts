// Why: a reconciler put together from the ports of one cluster; every instance, also one that follows a killed one,
// is made here.
import { createActionsService } from "@runlet/actions-service/client";
import { createKubernetesClient, type ClusterAccess } from "@runlet/kubernetes/client";
import { createWatchedKind } from "@runlet/kubernetes/watch";
import { createReconciler, type Reconciler } from "@runlet/reconciler/reconciler";
import type { ReconcilerSettings } from "@runlet/reconciler/settings";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";

export interface ReconcilerPorts {
  clock: Clock;
  random: Random;
  log: Log;
  access: ClusterAccess;
  /** The way to the Actions Service. */
  fetch: Fetch;
  settings?: Partial<ReconcilerSettings>;
}

const version = "0.1.0";

export function composeReconciler(ports: ReconcilerPorts): Reconciler {
  const { clock, random, log, access, fetch, settings } = ports;
  const userAgent = `runlet-reconciler/${version}`;
  const client = createKubernetesClient({ access, clock, userAgent, limitMs: 10_000 });
  return createReconciler(
    {
      client,
      clock,
      random,
      log,
      version,
      watch: (options) => createWatchedKind({ client, clock, random, log }, options),
      serviceFor: ({ configUrl, credential }) =>
        createActionsService({
          fetch,
          clock,
          random,
          log,
          configUrl,
          credential,
          limitMs: 10_000,
          system: { name: "runlet", version, subsystem: "reconciler" },
        }),
    },
    settings ? { settings } : {},
  );
}
