// Why: the program, the demo's clusters and the stories run the same reconciler. How it is put together from the ports
// of one cluster stands here once, so that what is shown in one of them holds for the others.
import { createActionsService } from "@runlet/actions-service/client";
import { createKubernetesClient, type ClusterAccess } from "@runlet/kubernetes/client";
import { createWatchedKind } from "@runlet/kubernetes/watch";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import { createReconciler, type Reconciler, type ReconcilerOptions } from "./reconciler.ts";
import type { ServiceWay } from "./service-ways.ts";

export const version = "0.1.0";
export const userAgent = `runlet-reconciler/${version}`;
/** Of a call to the cluster or to the service. */
export const callLimitMs = 10_000;

export interface ReconcilerPorts {
  clock: Clock;
  random: Random;
  log: Log;
  access: ClusterAccess;
  /** Asked once for each service client. */
  fetchFor(way: ServiceWay): Fetch;
}

/** A reconciler that reaches the outside by these ports alone. */
export function composeReconciler(
  ports: ReconcilerPorts,
  options: ReconcilerOptions = {},
): Reconciler {
  const { clock, random, log, access, fetchFor } = ports;
  const client = createKubernetesClient({ access, clock, userAgent, limitMs: callLimitMs });
  return createReconciler(
    {
      client,
      clock,
      random,
      log,
      version,
      watch: (watched) => createWatchedKind({ client, clock, random, log }, watched),
      serviceFor: ({ configUrl, credential, ...way }) =>
        createActionsService({
          fetch: fetchFor(way),
          clock,
          random,
          log,
          configUrl,
          credential,
          limitMs: callLimitMs,
          system: { name: "runlet", version, subsystem: "reconciler" },
        }),
    },
    options,
  );
}
