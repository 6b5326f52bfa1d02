// Why: what an owner can mend must be seen where the owner looks: `kubectl describe` and `kubectl get events`. Reconciler
// and sweep warn alike, one Event a fact, whose name follows from it, so that a fact told twice is one Event.
import { createHash } from "node:crypto";
import { redactText } from "@runlet/runtime/log";
import { KubernetesError, type KubernetesClient, type KubernetesObject } from "./client.ts";
import { events } from "./resources.ts";

export interface Warning {
  /** What it is about; its uid leads `kubectl describe` here. */
  about: { apiVersion: string; kind: string; name: string; namespace: string; uid: string };
  /** CamelCase, as `kubectl get events` shows it. */
  reason: string;
  message: string;
  /** Who says it. */
  component: string;
  /** Milliseconds since 1970. */
  at: number;
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

/** "there": the same words on the same object are an Event already (the cluster forgets it after an hour). Throws KubernetesError. */
export async function writeWarning(
  client: Pick<KubernetesClient, "create">,
  { about, reason, message: words, component, at }: Warning,
): Promise<"written" | "there"> {
  const message = redactText(words).slice(0, 1_000);
  const { name, namespace, uid } = about;
  const fact = createHash("sha256").update(`${uid}/${reason}/${message}`).digest("hex");
  const time = new Date(at).toISOString();
  const event: KubernetesEvent = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: `${name}.${fact.slice(0, 10)}`, namespace },
    involvedObject: about,
    type: "Warning",
    reason,
    message,
    source: { component },
    reportingComponent: component,
    count: 1,
    firstTimestamp: time,
    lastTimestamp: time,
  };
  try {
    await client.create(events, event);
    return "written";
  } catch (error) {
    if (error instanceof KubernetesError && error.reason === "AlreadyExists") return "there";
    throw error;
  }
}
