// Why: a checkpoint is read by older and newer versions of Runlet than the one that wrote it. Unknown
// fields are passed over; a format that must not be misread has a larger number and is left alone.
import * as z from "zod";
import { Undecryptable, type Cipher } from "./cipher.ts";
import { CheckpointUnreadable } from "./checkpoint-unreadable.ts";
import type { Checkpoint } from "./checkpoints.ts";
import type { JsonObject, Row } from "./table.ts";

const format = 1;
const count = z.int();
const optional = z.exactOptional;

const pair = z.object({ replicas: count, patchId: count });
const jobStarted = z.object({
  runnerName: z.string(),
  requestId: z.string(),
  jobId: z.string(),
  repository: z.string(),
  workflowRef: z.string(),
  workflowRunId: z.string(),
  displayName: z.string(),
});
const target = z.object({
  runnerSet: z.string(),
  uid: z.string(),
  pair,
  sequence: count,
  busy: count,
  owed: optional(z.object({ pair: optional(pair), jobStarted: z.array(jobStarted) })),
});
const statistics = z.object({
  totalAvailableJobs: count,
  totalAcquiredJobs: count,
  totalAssignedJobs: count,
  totalRunningJobs: count,
  totalRegisteredRunners: count,
  totalBusyRunners: count,
  totalIdleRunners: count,
});
const session = z.object({ sessionId: z.string(), queueUrl: z.string(), queueToken: z.string() });
/** All but the session, which is sealed text here. */
const checkpointRow = z.object({
  fence: z.string(),
  scaleSetId: count,
  sessionSince: optional(z.number()),
  savedAt: optional(z.number()),
  lastMessageId: count,
  unacknowledgedMessageId: optional(count),
  statistics: optional(statistics),
  waitingSince: optional(count),
  targets: z.record(z.string(), target),
  sealedSession: optional(z.string()),
});

/** Where a sealed session belongs. */
const placeOf = (scaleSetKey: string) => `session/${scaleSetKey}`;

export async function toRowValue(
  cipher: Cipher,
  scaleSetKey: string,
  checkpoint: Checkpoint,
): Promise<JsonObject> {
  const { session: open, ...rest } = checkpoint;
  // Written through JSON, so that a field set to undefined is an absent one.
  // `as`: a Checkpoint is numbers, strings, records and lists of them.
  const value = JSON.parse(JSON.stringify({ format, ...rest })) as JsonObject;
  if (!open) return value;
  return { ...value, sealedSession: await cipher.seal(JSON.stringify(open), placeOf(scaleSetKey)) };
}

/** What can be read without the key. */
export interface CheckpointSummary extends Omit<Checkpoint, "session"> {
  /** A session is open, as far as whoever wrote it knows. */
  hasSession: boolean;
}

/** For people who look on: no cipher is needed. Undefined for a row that cannot be read. */
export function summarizeRow(row: Row): CheckpointSummary | undefined {
  const parsed = checkpointRow.safeParse(row.value);
  if (!parsed.success) return undefined;
  const { sealedSession, ...rest } = parsed.data;
  return { ...rest, hasSession: sealedSession !== undefined };
}

/** Throws CheckpointUnreadable, with everything that can be read all the same. */
export async function fromRow(cipher: Cipher, scaleSetKey: string, row: Row): Promise<Checkpoint> {
  const fail = (reason: CheckpointUnreadable["reason"], why: string, rest?: Checkpoint) =>
    new CheckpointUnreadable({ scaleSetKey, version: row.version, reason, why, rest });
  const found = row.value["format"];
  if (typeof found === "number" && found > format) {
    throw fail("newer", `it has format ${found}, this Runlet knows ${format}; update Runlet`);
  }
  const parsed = checkpointRow.safeParse(row.value);
  if (!parsed.success) throw fail("malformed", z.prettifyError(parsed.error));
  const { sealedSession, ...rest } = parsed.data;
  if (sealedSession === undefined) return rest;
  let text: string;
  try {
    text = await cipher.open(sealedSession, placeOf(scaleSetKey));
  } catch (error) {
    // Anything else says nothing about the session: who keeps the key may only not have answered.
    if (!(error instanceof Undecryptable)) throw error;
    throw fail("undecryptable", error.message, rest);
  }
  try {
    return { ...rest, session: session.parse(JSON.parse(text)) };
  } catch {
    throw fail("malformed", "its session is no session", rest);
  }
}
