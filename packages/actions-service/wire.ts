// Why: the shapes of the service's answers are parsed here, once; inside, only the types of service.ts.
// Shapes: actions/scaleset types.go; lenient where servers differ, strict where a wrong guess costs
// (an empty URL or token, an assigned count that is no number).
import * as z from "zod";
import type { Statistics } from "@runlet/domain/statistics";
import type { JitConfig, MessageSession, RunnerGroup, RunnerReference } from "./service.ts";
import type { RequestId, ScaleSet } from "./service.ts";

/** A success whose body cannot be used; the message says what is wrong with it. */
export class Unreadable extends Error {
  override name = "Unreadable";
}

const count = z.number().int().catch(0);
const text = z.string().min(1);

/** An int64 as digits; parseJson has already made a string of what a number would round. */
export const int64 = z.union([
  z.number().int().transform(String),
  z.string().regex(/^-?\d{1,19}$/),
]);

/** Without a usable totalAssignedJobs there are no statistics: 0 would mean "scale down". */
const statistics = z
  .object({
    totalAvailableJobs: count,
    totalAcquiredJobs: count,
    totalAssignedJobs: z.number().int().nonnegative(),
    totalRunningJobs: count,
    totalRegisteredRunners: count,
    totalBusyRunners: count,
    totalIdleRunners: count,
  })
  .optional()
  .catch(undefined);

const scaleSet = z.object({
  id: z.number().int().positive(),
  name: z.string().catch(""),
  runnerGroupId: z.number().int().catch(0),
  runnerGroupName: z.string().catch(""),
  labels: z.array(z.object({ name: z.string() })).catch([]),
  statistics,
});

const runnerGroup = z.object({
  id: z.number().int().positive(),
  name: z.string(),
  isDefaultGroup: z.boolean().catch(false),
});

const httpUrl = text.refine(isHttpUrl, "is no http(s) URL");

const session = z.object({
  sessionId: text,
  ownerName: z.string().catch(""),
  runnerScaleSet: z.object({ id: z.number().int().positive() }).optional().catch(undefined),
  messageQueueUrl: httpUrl,
  messageQueueAccessToken: text,
  statistics,
});

const runner = z.object({
  id: z.number().int().positive(),
  name: text,
  runnerScaleSetId: z.number().int().catch(0),
  /** Known from garm's model of it (params/github.go); actions/scaleset does not read it. */
  status: z.enum(["online", "offline"]).optional().catch(undefined),
});

const jitConfig = z.object({ runner, encodedJITConfig: text });
const envelope = z.object({
  count: z.number().int().optional().catch(undefined),
  value: z.array(z.unknown()).nullish(),
});

export const restToken = z.object({ token: text });
export const connection = z.object({ url: httpUrl, token: text });

/** Parses `json`; throws Unreadable, which names the field but never its value. */
export function read<T>(schema: z.ZodType<T>, json: unknown): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Unreadable(`${issue?.path.join(".") || "the body"}: ${issue?.message ?? "is wrong"}`);
}

export function isHttpUrl(value: string): boolean {
  return /^https?:\/\//i.test(value) && URL.canParse(value);
}

export function readStatistics(json: unknown): Statistics | undefined {
  return statistics.parse(json ?? undefined);
}

export function readScaleSet(json: unknown): ScaleSet {
  const { labels, ...set } = read(scaleSet, json);
  return { ...set, statistics: set.statistics, labels: labels.map((label) => label.name) };
}

export function readRunnerGroup(json: unknown): RunnerGroup {
  const { id, name, isDefaultGroup } = read(runnerGroup, json);
  return { id, name, isDefault: isDefaultGroup };
}

export function readRunner(json: unknown): RunnerReference {
  const { id, name, runnerScaleSetId, status } = read(runner, json);
  const online = status === undefined ? {} : { online: status === "online" };
  return { id, name, scaleSetId: runnerScaleSetId, ...online };
}

export function readJitConfig(json: unknown): JitConfig {
  const { encodedJITConfig } = read(jitConfig, json);
  return { runner: readRunner(read(jitConfig, json).runner), encoded: encodedJITConfig };
}

/** `scaleSetId`: for servers that leave the scale set out of the session. */
export function readSession(json: unknown, scaleSetId: number): MessageSession {
  const wire = read(session, json);
  return {
    sessionId: wire.sessionId,
    ownerName: wire.ownerName,
    scaleSetId: wire.runnerScaleSet?.id ?? scaleSetId,
    queueUrl: wire.messageQueueUrl,
    queueToken: wire.messageQueueAccessToken,
    statistics: wire.statistics,
  };
}

/** The id of a session that has one, whatever else is wrong with it. */
export function readSessionId(json: unknown): string | undefined {
  return z.object({ sessionId: text }).safeParse(json).data?.sessionId;
}

/**
 * At most one element of a list. `count` is what GitHub's own clients go by, also against the array
 * (actions/scaleset client.go); more than one is unusable.
 */
export function readOne<T>(json: unknown, readElement: (json: unknown) => T): T | undefined {
  const list = read(envelope, json);
  const elements = list.value ?? [];
  const said = list.count ?? elements.length;
  if (said === 0) return undefined;
  if (said !== 1 || elements.length < 1) {
    throw new Unreadable(`${said} announced, ${elements.length} listed, where one was asked for`);
  }
  return readElement(elements[0]);
}

/** Every element of a list; throws Unreadable for one that cannot be read. */
export function readAll<T>(json: unknown, readElement: (json: unknown) => T): T[] {
  return (read(envelope, json).value ?? []).map(readElement);
}

/** The ids of `acquirejobs`; a missing list is an empty one. */
export function readRequestIds(json: unknown): RequestId[] {
  return (read(envelope, json).value ?? []).map((id) => read(int64, id));
}

/** The ids of `acquirablejobs`; entries without one are left out. */
export function readAcquirableIds(json: unknown): RequestId[] {
  const entry = z.object({ runnerRequestId: int64 });
  return (read(envelope, json).value ?? []).flatMap((item) => {
    const parsed = entry.safeParse(item);
    return parsed.success ? [parsed.data.runnerRequestId] : [];
  });
}
