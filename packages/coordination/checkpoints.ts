// Why: a poller lives for minutes, a message session for days. What the next invocation must know to go
// on as if nothing had happened is one row per scale set, its session encrypted.
import type { Statistics } from "@runlet/domain/statistics";
import type { Pair } from "@runlet/domain/target";
import { fromRow, toRowValue } from "./checkpoint-row.ts";
import type { Cipher } from "./cipher.ts";
import { keys } from "./keys.ts";
import { getSettled, putSettled, removeSettled, type SettleDeps } from "./put-settled.ts";
import type { Row } from "./table.ts";

export { CheckpointUnreadable } from "./checkpoint-unreadable.ts";

/** What JobStarted says about a runner, to be written to its status (ARC's field names are mapped in apply). */
export interface JobStartedFact {
  runnerName: string;
  /** int64 as decimal digits. */
  requestId: string;
  jobId: string;
  /** owner/repo */
  repository: string;
  workflowRef: string;
  /** int64 as decimal digits. */
  workflowRunId: string;
  displayName: string;
}

export interface TargetCheckpoint {
  /** The EphemeralRunnerSet's name and uid when the pair was applied. */
  runnerSet: string;
  uid: string;
  /** The last pair decided for the target. */
  pair: Pair;
  /** The highest patch id used; the next is +1, wrapping to 1. A pair with patchId 0 does not move it. */
  sequence: number;
  /** Busy runners as last seen. */
  busy: number;
  /** Effects the target could not take yet; applied first when it answers. */
  owed?: { pair?: Pair; jobStarted: JobStartedFact[] };
}

export interface Checkpoint {
  /** `installation:n` of the holder that wrote it. */
  fence: string;
  scaleSetId: number;
  /** Undefined: no session is open. A secret part: encrypted at rest with the set's key as associated data. */
  session?: { sessionId: string; queueUrl: string; queueToken: string };
  /** Wall ms at which the session was opened; for people. Undefined: none is open, or an older Runlet opened it. */
  sessionSince?: number;
  /** Wall ms at which this was written; for people. */
  savedAt?: number;
  lastMessageId: number;
  /** Acted on, but its DELETE is not known to have happened. */
  unacknowledgedMessageId?: number;
  statistics?: Statistics;
  /** Wall ms since when assigned jobs wait and none has begun. For people and alarms only. */
  waitingSince?: number;
  targets: { [targetKey: string]: TargetCheckpoint };
}

export interface StoredCheckpoint {
  checkpoint: Checkpoint;
  version: string;
}

export interface Checkpoints {
  /** Throws CheckpointUnreadable when the row is of a newer version of Runlet, or cannot be decrypted. */
  load(scaleSetKey: string): Promise<StoredCheckpoint | undefined>;
  /**
   * Writes if the stored version is still `after` (undefined: there is none yet). A lost answer is resolved by
   * reading again. Refused: what is there now. Throws when the row is too large: the caller bounds what is owed.
   */
  put(
    scaleSetKey: string,
    checkpoint: Checkpoint,
    after: string | undefined,
  ): Promise<
    { kind: "put"; version: string } | { kind: "refused"; current: StoredCheckpoint | undefined }
  >;
  remove(scaleSetKey: string, version: string): Promise<"removed" | "absent" | "refused">;
}

/** Checkpoints in a table, their sessions sealed by `cipher`. */
export function createCheckpoints(deps: SettleDeps & { cipher: Cipher }): Checkpoints {
  /** Writes of ours whose answer is missing: found in the way of the next one, they do not refuse it. */
  const unsettled = new Map<string, string>();

  async function read(scaleSetKey: string, row: Row): Promise<StoredCheckpoint> {
    return { checkpoint: await fromRow(deps.cipher, scaleSetKey, row), version: row.version };
  }
  return {
    async load(scaleSetKey) {
      const row = await getSettled(deps, keys.checkpoint(scaleSetKey));
      return row && read(scaleSetKey, row);
    },
    async put(scaleSetKey, checkpoint, after) {
      const key = keys.checkpoint(scaleSetKey);
      const value = await toRowValue(deps.cipher, scaleSetKey, checkpoint);
      const row = { key, version: deps.random.uuid(), value };
      const earlier = unsettled.get(key);
      unsettled.set(key, row.version);
      const when = after === undefined ? ({ absent: true } as const) : { version: after };
      let result = await putSettled(deps, row, when);
      if (result.kind === "refused" && earlier && result.current?.version === earlier) {
        result = await putSettled(deps, row, { version: earlier });
      }
      unsettled.delete(key);
      if (result.kind === "put") return { kind: "put", version: row.version };
      const current = result.current && (await read(scaleSetKey, result.current));
      return { kind: "refused", current };
    },
    remove: (scaleSetKey, version) => removeSettled(deps, keys.checkpoint(scaleSetKey), version),
  };
}

/** Removes a scale set's checkpoint, whoever wrote it; it need not be readable. */
export async function forgetCheckpoint(deps: SettleDeps, scaleSetKey: string): Promise<void> {
  const row = await getSettled(deps, keys.checkpoint(scaleSetKey));
  if (row) await removeSettled(deps, row.key, row.version);
}
