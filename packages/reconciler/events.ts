// Why: what a user can mend (a group that does not exist, a name used twice) must be seen where the user
// looks: `kubectl describe` and `kubectl get events`. One Event a fact, not one a pass.
import {
  KubernetesError,
  type KubernetesClient,
  type KubernetesObject,
} from "@runlet/kubernetes/client";
import { events } from "@runlet/kubernetes/resources";
import type { Clock } from "@runlet/runtime/clock";
import { describeError, redactText, type Log } from "@runlet/runtime/log";
import { shortHash } from "./hash.ts";

export interface Events {
  /** Warns on `object`; also logged. The same words again within an hour are not written again. */
  warn(object: KubernetesObject, kind: string, reason: string, message: string): Promise<void>;
}

interface KubernetesEvent extends KubernetesObject {
  involvedObject: Record<string, string>;
  type: "Warning";
  reason: string;
  message: string;
  source: { component: string };
  reportingComponent: string;
  count: number;
  firstTimestamp: string;
  lastTimestamp: string;
}

const repeatMs = 3_600_000;
/** Facts remembered; the oldest are forgotten first. */
const rememberedMax = 5_000;

export function createEvents(deps: { client: KubernetesClient; clock: Clock; log: Log }): Events {
  const said = new Map<string, number>();

  function isNews(key: string): boolean {
    const now = deps.clock.nowMs();
    const last = said.get(key);
    if (last !== undefined && now - last < repeatMs) return false;
    said.delete(key);
    said.set(key, now);
    const oldest = said.size > rememberedMax ? said.keys().next().value : undefined;
    if (oldest !== undefined) said.delete(oldest);
    return true;
  }

  async function warn(object: KubernetesObject, kind: string, reason: string, words: string) {
    const message = redactText(words).slice(0, 1_000);
    const { name, namespace = "", uid = "" } = object.metadata;
    const fact = shortHash(`${uid}/${reason}/${message}`, 10);
    if (!isNews(fact)) return;
    deps.log.warn("event", { reason, message, kind, namespace, name });
    const at = new Date(deps.clock.wallMs()).toISOString();
    const event: KubernetesEvent = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: `${name}.${fact}`, namespace },
      involvedObject: {
        apiVersion: object.apiVersion ?? "actions.github.com/v1alpha1",
        kind,
        name,
        namespace,
        uid,
      },
      type: "Warning",
      reason,
      message,
      source: { component: "runlet-reconciler" },
      reportingComponent: "runlet-reconciler",
      count: 1,
      firstTimestamp: at,
      lastTimestamp: at,
    };
    try {
      await deps.client.create(events, event);
    } catch (error) {
      // An Event is a courtesy: one that exists (a restart) or cannot be written stops nothing.
      if (error instanceof KubernetesError && error.reason === "AlreadyExists") return;
      deps.log.debug("event_not_written", { reason, error: describeError(error) });
    }
  }

  return { warn };
}
