// Why: an invocation that was frozen does not know that somebody else serves its scale sets. The number on the
// EphemeralRunnerSet tells it, and the API server enforces what was seen (invariant I4).
import type { JsonPatchOperation, ObjectMeta } from "@runlet/kubernetes/client";
import { annotations } from "@runlet/kubernetes/resources";
import { compareFence, parseFence, type Fence } from "@runlet/coordination/fence";

export type FenceVerdict =
  /** Ours, smaller, "0" or no fence at all: write. */
  | { kind: "write" }
  /** Somebody drew a larger number, or edited it by hand. */
  | { kind: "larger"; n: number }
  /** Another Runlet serves this set. */
  | { kind: "foreign"; installation: string };

/** Compares the annotation that was seen with the fence of this invocation. */
export function judgeFence(seen: string | undefined, ours: Fence): FenceVerdict {
  const theirs = parseFence(seen ?? "");
  if (!theirs) return { kind: "write" };
  const verdict = compareFence(seen ?? "", ours);
  if (verdict === "foreign") return { kind: "foreign", installation: theirs.installation };
  if (verdict === "larger") return { kind: "larger", n: theirs.n };
  return { kind: "write" };
}

const pointer = (key: string) =>
  `/metadata/annotations/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;

/** Tests that hold only while the object is the one that was seen, with the fence that was seen. */
export function testsFor(seen: ObjectMeta): JsonPatchOperation[] {
  const fence = seen.annotations?.[annotations.fence];
  return [
    { op: "test", path: "/metadata/uid", value: seen.uid },
    fence === undefined
      ? { op: "test", path: "/metadata/resourceVersion", value: seen.resourceVersion }
      : { op: "test", path: pointer(annotations.fence), value: fence },
  ];
}

/** Operations that set annotations, also where there are none yet. */
export function annotate(seen: ObjectMeta, values: Record<string, string>): JsonPatchOperation[] {
  const none: JsonPatchOperation[] = seen.annotations
    ? []
    : [{ op: "add", path: "/metadata/annotations", value: {} }];
  const each = Object.entries(values).map(([key, value]): JsonPatchOperation => ({
    op: "add",
    path: pointer(key),
    value,
  }));
  return [...none, ...each];
}
