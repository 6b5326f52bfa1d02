// Why: one bad entry must not cost the fifty others, and nothing in a message may cost its statistics
// (invariant I23). A message is a JSON text inside JSON (actions/scaleset client.go); each entry is read
// alone, what cannot be read is counted and reported, never thrown.
import * as z from "zod";
import { parseJson } from "./json.ts";
import type { JobNews, Message } from "./service.ts";
import { int64, read, readStatistics } from "./wire.ts";

const outer = z.object({
  messageId: z.number().int().nonnegative(),
  messageType: z.string().catch(""),
  body: z.unknown().optional(),
  statistics: z.unknown().optional(),
});

const words = z.string().catch("");
const time = z.unknown().optional().transform(readTime);
const jobId = z.union([z.string(), z.number().transform(String)]).catch("");

const requestId = int64.nullish().transform((id) => id ?? "0");

const facts = {
  runnerRequestId: requestId.catch("0"),
  jobId,
  ownerName: words,
  repositoryName: words,
  jobWorkflowRef: words,
  workflowRunId: int64.catch("0"),
  jobDisplayName: words,
  eventName: words,
  requestLabels: z.array(z.string()).catch([]),
  queueTime: time,
  scaleSetAssignTime: time,
  runnerAssignTime: time,
  finishTime: time,
};
const onRunner = { runnerId: z.number().int().catch(0), runnerName: words };

const entry = z.discriminatedUnion("messageType", [
  // An id is all that an available job is good for; elsewhere the news count without it.
  z.object({ messageType: z.literal("JobAvailable"), ...facts, runnerRequestId: requestId }),
  z.object({ messageType: z.literal("JobAssigned"), ...facts }),
  z.object({ messageType: z.literal("JobStarted"), ...facts, ...onRunner }),
  z.object({ messageType: z.literal("JobCompleted"), ...facts, ...onRunner, result: words }),
]);

/** Reads a message. Throws Unreadable only when it has no id: without one it cannot be acknowledged. */
export function readMessage(
  json: unknown,
  onSkipped: (what: { messageType: string; reason: string }) => void = () => {},
): Message {
  const wire = read(outer, json);
  const news: JobNews[] = [];
  let skippedCount = 0;
  const skip = (messageType: string, reason: string) => {
    skippedCount++;
    onSkipped({ messageType: messageType.slice(0, 80), reason });
  };
  if (wire.messageType !== "RunnerScaleSetJobMessages") skip(wire.messageType, "unknown type");
  else for (const item of readBody(wire.body, skip)) readEntry(item, news, skip);
  return {
    messageId: wire.messageId,
    statistics: readStatistics(wire.statistics),
    news,
    skippedCount,
  };
}

type Skip = (messageType: string, reason: string) => void;

function readBody(body: unknown, skip: Skip): unknown[] {
  if (body === undefined || body === null || body === "") return [];
  try {
    const list = typeof body === "string" ? parseJson(body) : body;
    if (Array.isArray(list)) return list;
    if (list === null) return [];
    skip("", "the body is no list");
  } catch {
    skip("", "the body is no JSON");
  }
  return [];
}

function readEntry(item: unknown, news: JobNews[], skip: Skip): void {
  const parsed = entry.safeParse(item);
  if (!parsed.success) {
    const named = z.object({ messageType: z.string() }).safeParse(item).data?.messageType ?? "";
    const [issue] = parsed.error.issues;
    return skip(named, `${issue?.path.join(".") || "entry"}: ${issue?.message ?? "is wrong"}`);
  }
  const wire = parsed.data;
  const common = {
    requestId: wire.runnerRequestId,
    jobId: wire.jobId,
    ownerName: wire.ownerName,
    repositoryName: wire.repositoryName,
    workflowRef: wire.jobWorkflowRef,
    workflowRunId: wire.workflowRunId,
    displayName: wire.jobDisplayName,
    eventName: wire.eventName,
    requestLabels: wire.requestLabels,
    queuedAt: wire.queueTime,
    assignedAt: wire.scaleSetAssignTime,
    runnerAssignedAt: wire.runnerAssignTime,
    finishedAt: wire.finishTime,
  };
  if (wire.messageType === "JobAvailable" || wire.messageType === "JobAssigned") {
    news.push({ ...common, type: wire.messageType });
    return;
  }
  const runner = { runnerId: wire.runnerId, runnerName: wire.runnerName };
  news.push(
    wire.messageType === "JobStarted"
      ? { ...common, ...runner, type: "JobStarted" }
      : { ...common, ...runner, type: "JobCompleted", result: wire.result },
  );
}

/** Unset is absent, null, "" or the year 1 (.NET's and Go's zero time); a time without zone is UTC. */
export function readTime(value: unknown): number | undefined {
  if (typeof value !== "string") return undefined;
  const zoned = /[zZ]$|[+-]\d\d:?\d\d$/.test(value) ? value : `${value}Z`;
  const at = Date.parse(zoned);
  return Number.isFinite(at) && at >= 0 ? at : undefined;
}
