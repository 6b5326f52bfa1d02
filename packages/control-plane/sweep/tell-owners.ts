// Why: who owns a runner set has kubectl and not our logs. What keeps a set from being served and only the control plane
// knows (no credential for its scope, a scale set that another cluster has) is an Event on the AutoscalingRunnerSet.
import { targetKey, type TargetRef } from "@runlet/domain/target";
import type { ScaleSetRow } from "@runlet/coordination/registry";
import type { KubernetesClient } from "@runlet/kubernetes/client";
import { autoscalingRunnerSets } from "@runlet/kubernetes/resources";
import { apiVersionOf } from "@runlet/kubernetes/resource-path";
import { writeWarning } from "@runlet/kubernetes/write-warning";
import type { Clock } from "@runlet/runtime/clock";
import { describeError, type Log } from "@runlet/runtime/log";
import { credentialRemedies, type CheckedScopes } from "./check-credentials.ts";
import type { Discovery } from "./discover.ts";

export interface TellDeps {
  clock: Clock;
  log: Log;
  findCluster: (name: string) => Promise<KubernetesClient | undefined>;
}

/** When each fact was told last or, in vain, tried; in a container that stays warm. */
export type ToldFacts = Map<string, { at: number; isTold: boolean }>;

export interface Fact {
  target: TargetRef;
  reason: "NoCredential" | "CredentialRefused" | "NotShared";
  message: string;
}

/** A cluster forgets an Event after an hour. */
const againMs = 60 * 60_000;
/** New facts told by one sweep, those longest untried first; the others by the next. */
const toldMax = 20;

/** What `found` and the checks of credentials say against serving single runner sets. Pure. */
export function listFacts(
  found: Pick<Discovery, "rows" | "refused">,
  checked: CheckedScopes,
): Fact[] {
  const rows = new Map(found.rows.map((row) => [row.key, row]));
  return [
    ...found.rows.flatMap((row) => credentialFacts(row, checked)),
    ...found.refused
      .filter(({ why }) => why === "not-shared")
      .map(({ target, scaleSetKey }): Fact => {
        const other = rows.get(scaleSetKey)?.targets.map(targetKey)[0] ?? "another cluster";
        const message = `this scale set is served for ${other}: to serve it from both, write the annotation runlet.dev/share: "true" on both; else take another name`;
        return { target, reason: "NotShared", message };
      }),
  ];
}

function credentialFacts(row: ScaleSetRow, checked: CheckedScopes): Fact[] {
  const why = checked.get(row.scopeKey)?.why;
  if (why === undefined) return [];
  const isThere = why !== "missing" && why !== "unreadable";
  const reason = isThere ? "CredentialRefused" : "NoCredential";
  const message = `the control plane cannot serve ${row.configUrl}, its credential is ${why}: ${credentialRemedies[why]}`;
  return row.targets.map((target) => ({ target, reason, message }));
}

/** Writes what was not written within the hour. `uids`: of the AutoscalingRunnerSets that were seen. Never rejects. */
export async function tellOwners(
  deps: TellDeps,
  facts: readonly Fact[],
  { uids, told }: { uids: ReadonlyMap<string, string>; told: ToldFacts },
): Promise<void> {
  const now = deps.clock.nowMs();
  for (const [fact, { at }] of told) if (now - at >= againMs) told.delete(fact);
  const triedAt = (fact: Fact) => told.get(keyOf(fact))?.at ?? 0;
  const news = facts
    .filter(({ target }) => uids.has(targetKey(target)))
    .filter((fact) => !told.get(keyOf(fact))?.isTold)
    .toSorted((a, b) => triedAt(a) - triedAt(b))
    .slice(0, toldMax);
  await Promise.all(
    news.map(async (fact) => {
      const isTold = await tell(deps, fact, uids.get(targetKey(fact.target)) ?? "");
      told.set(keyOf(fact), { at: now, isTold });
    }),
  );
}

const keyOf = ({ target, ...fact }: Fact) => `${targetKey(target)} ${fact.reason} ${fact.message}`;

/** False: to be tried again by the next sweep. An Event is a courtesy: one that cannot be written stops nothing. */
async function tell(
  { clock, log, findCluster }: TellDeps,
  { target, reason, message }: Fact,
  uid: string,
): Promise<boolean> {
  const { cluster, namespace, autoscalingRunnerSet: name } = target;
  const apiVersion = apiVersionOf(autoscalingRunnerSets);
  const about = { apiVersion, kind: autoscalingRunnerSets.kind, name, namespace, uid };
  const component = "runlet-control-plane";
  try {
    const client = await findCluster(cluster);
    if (!client) return false;
    await writeWarning(client, { about, reason, message, component, at: clock.wallMs() });
    return true;
  } catch (error) {
    log.debug("event_not_written", {
      target: targetKey(target),
      reason,
      error: describeError(error),
    });
    return false;
  }
}
