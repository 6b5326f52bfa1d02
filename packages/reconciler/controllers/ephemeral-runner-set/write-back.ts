// Why: a set tells what it did: the number acted on and the refusals as annotations, the counts as status. At
// most one status write a second and set, none when nothing changed.
import { KubernetesError, type JsonPatchOperation } from "@runlet/kubernetes/client";
import {
  annotations,
  ephemeralRunnerSets,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { keyOf } from "../../object-key.ts";
import { isSameStatus, type SetStatus } from "./plan-status.ts";

/** `runlet.dev/refused`: runners that are wanted and that this cluster does not take. */
export interface Refused {
  count: number;
  /** ISO time since when it is more than none. */
  since: string;
}

/** In place of a number: the order was carried out, and its runners have been sent away since. */
export const nothingActed = "none";

export interface Notes {
  /** Undefined: as it is. */
  actedPatchId: number | typeof nothingActed | undefined;
  refusedCount: number;
  /** As of breaker-note.ts; undefined: there is none. */
  breaker: string | undefined;
}

/** Writes the annotations that differ, in one patch that only the very same object takes. */
export async function writeNotes(
  ctx: Context,
  set: EphemeralRunnerSet,
  notes: Notes,
): Promise<void> {
  const operations = planNotes(set, notes, new Date(ctx.clock.wallMs()).toISOString());
  // The version is never a reason to write: it comes along.
  if (operations.length === 0) return;
  const path = pathOf(annotations.reconciler);
  const by = { op: "add", path, value: ctx.version } as const;
  const test = { op: "test", path: "/metadata/uid", value: set.metadata.uid } as const;
  const base: JsonPatchOperation[] = set.metadata.annotations
    ? []
    : [{ op: "add", path: "/metadata/annotations", value: {} }];
  const patched = await ctx.client.patch<EphemeralRunnerSet>(ephemeralRunnerSets, keyOf(set), {
    type: "json",
    operations: [test, ...base, ...operations, by],
  });
  ctx.kinds.runnerSets.note(patched);
}

function planNotes(set: EphemeralRunnerSet, notes: Notes, now: string): JsonPatchOperation[] {
  const there = set.metadata.annotations ?? {};
  const acted = notes.actedPatchId;
  return [
    ...(acted === undefined ? [] : planNote(there, annotations.actedPatchId, String(acted))),
    ...planNote(there, annotations.refused, planRefused(there[annotations.refused], notes, now)),
    ...planNote(there, annotations.breaker, notes.breaker),
  ];
}

function planRefused(text: string | undefined, { refusedCount: count }: Notes, now: string) {
  if (count === 0) return undefined;
  const before = parseRefused(text);
  return JSON.stringify({ count, since: before?.since ?? now } satisfies Refused);
}

function planNote(
  there: Record<string, string>,
  annotation: string,
  value: string | undefined,
): JsonPatchOperation[] {
  if (there[annotation] === value) return [];
  const path = pathOf(annotation);
  return value === undefined ? [{ op: "remove", path }] : [{ op: "add", path, value }];
}

/** Undefined for anything that we did not write. */
export function parseRefused(text: string | undefined): Refused | undefined {
  const found = /^\{"count":(\d{1,9}),"since":"([^"]+)"\}$/.exec(text ?? "");
  return found?.[1] && found[2] ? { count: Number(found[1]), since: found[2] } : undefined;
}

function pathOf(annotation: string): string {
  return `/metadata/annotations/${annotation.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** Ms until the status may be written, 0 when it was written or is right. */
export async function writeStatus(
  ctx: Context,
  set: EphemeralRunnerSet,
  status: SetStatus,
  lastWrites: Map<string, number>,
): Promise<number> {
  if (isSameStatus(set.status, status)) return 0;
  const uid = set.metadata.uid ?? "";
  const now = ctx.clock.nowMs();
  const last = lastWrites.get(uid);
  const rest = last === undefined ? 0 : last + ctx.settings.statusEveryMs - now;
  if (rest > 0) return rest;
  lastWrites.set(uid, now);
  try {
    const patched = await ctx.client.patch<EphemeralRunnerSet>(
      ephemeralRunnerSets,
      keyOf(set),
      { type: "merge", body: { status } },
      { subresource: "status" },
    );
    ctx.kinds.runnerSets.note(patched);
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.status !== 404) throw error;
  }
  return 0;
}
