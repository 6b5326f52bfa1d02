// Why: ARC's listener holds the session that a migration must hand over. It acts in ARC's order (cmd/ghalistener, 0.14.2):
// delete the message, acquire, tell the runners their jobs, patch the runner set; told to stop, it deletes its session.
import {
  autoscalingRunnerSets,
  ephemeralRunners,
  ephemeralRunnerSets,
  type AutoscalingRunnerSet,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import type { Message, MessageSession } from "@runlet/actions-service/service";
import { isOfArc, must, ownedBy, scaleSetIdOf, type ArcParts } from "./arc.ts";

/** Serves one set until the signal: a session, then one patch for each poll. */
export async function listenForArc(
  parts: ArcParts,
  name: string,
  owner: string,
  signal: AbortSignal,
): Promise<void> {
  const { admin, namespace, service } = parts;
  const set = await admin.find<AutoscalingRunnerSet>(autoscalingRunnerSets, { namespace, name });
  const id = set && scaleSetIdOf(set);
  if (!set || id === undefined) throw new Error(`${name} has no scale set`);
  const session = await openSession(parts, id, owner, signal);
  if (!session) return;
  let lastMessageId = 0;
  let patchId = 0;
  let assigned = session.statistics?.totalAssignedJobs ?? 0;
  await patch(parts, set, { assigned, patchId });
  while (!signal.aborted) {
    const maxCapacity = set.spec.maxRunners ?? 10;
    const polled = await service.poll(session, { lastMessageId, maxCapacity }, { signal }).then(
      (outcome) => (outcome.ok ? outcome.value : undefined),
      () => undefined,
    );
    const before = assigned;
    // What it has begun with it ends, whatever it was told meanwhile.
    if (polled) {
      lastMessageId = polled.messageId;
      assigned = polled.statistics?.totalAssignedJobs ?? assigned;
      await handle(parts, id, session, polled);
    }
    const isIdle = !polled && before === assigned && assigned === 0;
    patchId = isIdle ? 0 : patchId + 1;
    if (!signal.aborted || polled) await patch(parts, set, { assigned, patchId });
  }
  must(await service.deleteSession(id, session.sessionId));
}

async function openSession(
  { service, clock }: ArcParts,
  id: number,
  owner: string,
  signal: AbortSignal,
): Promise<MessageSession | undefined> {
  while (!signal.aborted) {
    const made = await service.createSession(id, owner);
    if (made.ok) return made.value;
    // The pod ends, and its successor tries again.
    await clock.sleep(1_000, signal).catch(() => {});
  }
  return undefined;
}

async function handle(
  { service, admin, namespace }: ArcParts,
  id: number,
  session: MessageSession,
  { messageId, news }: Message,
): Promise<void> {
  must(await service.acknowledge(session, messageId));
  const available = news.flatMap((one) => (one.type === "JobAvailable" ? [one.requestId] : []));
  if (available.length > 0) must(await service.acquireJobs(id, session.queueToken, available));
  for (const one of news) {
    if (one.type !== "JobStarted") continue;
    const status = { jobId: one.jobId, jobDisplayName: one.displayName };
    const change = { type: "merge", body: { status } } as const;
    const key = { namespace, name: one.runnerName };
    await admin.patch(ephemeralRunners, key, change, { subresource: "status" }).catch(() => {});
  }
}

async function patch(
  parts: ArcParts,
  { metadata, spec }: AutoscalingRunnerSet,
  { assigned, patchId }: { assigned: number; patchId: number },
): Promise<void> {
  const owned = ownedBy<EphemeralRunnerSet>(parts, "EphemeralRunnerSet", metadata.uid ?? "");
  const own = owned.find(isOfArc);
  if (!own) return;
  const wanted = (spec.minRunners ?? 0) + assigned;
  const replicas = Math.min(wanted, spec.maxRunners ?? wanted);
  const body = { spec: { replicas, patchID: patchId } };
  await parts.admin.patch(ephemeralRunnerSets, own.metadata, { type: "merge", body });
}
