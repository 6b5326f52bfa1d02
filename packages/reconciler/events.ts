// Why: what a user can mend (a group that does not exist, a name used twice) must be seen where the user
// looks: `kubectl describe` and `kubectl get events`. One Event a fact, not one a pass.
import type { KubernetesClient, KubernetesObject } from "@runlet/kubernetes/client";
import { writeWarning } from "@runlet/kubernetes/write-warning";
import type { Clock } from "@runlet/runtime/clock";
import { describeError, redactText, type Log } from "@runlet/runtime/log";

export interface Events {
  /** Warns on `object`; also logged. The same words again within an hour are not written again. */
  warn(object: KubernetesObject, kind: string, reason: string, message: string): Promise<void>;
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
    if (!isNews(`${uid}/${reason}/${message}`)) return;
    deps.log.warn("event", { reason, message, kind, namespace, name });
    const apiVersion = object.apiVersion ?? "actions.github.com/v1alpha1";
    const about = { apiVersion, kind, name, namespace, uid };
    const component = "runlet-reconciler";
    try {
      const at = deps.clock.wallMs();
      await writeWarning(deps.client, { about, reason, message, component, at });
    } catch (error) {
      // An Event is a courtesy: one that cannot be written stops nothing.
      deps.log.debug("event_not_written", { reason, error: describeError(error) });
    }
  }

  return { warn };
}
