// Why: a scale set is (service scope, id). URL, runner group and name only find it: they change, differ in
// case, and a re-created set has the old name with a new id and an empty message log.

/** `<scope key>:<scale set id>`, the identity used as key everywhere. */
export function scaleSetKey(scopeKey: string, scaleSetId: number): string {
  return `${scopeKey.toLowerCase()}:${scaleSetId}`;
}

/** The parts of a key; undefined for text that is none. */
export function parseScaleSetKey(
  key: string,
): { scopeKey: string; scaleSetId: number } | undefined {
  const parts = /^(.+):(\d{1,15})$/.exec(key);
  return parts?.[1] ? { scopeKey: parts[1], scaleSetId: Number(parts[2]) } : undefined;
}

/** Where a scale set is looked for: names are unique in a runner group, ignoring case (ARC, PR #1934). */
export function scaleSetNameKey(set: {
  scopeKey: string;
  runnerGroup: string;
  name: string;
}): string {
  return [set.scopeKey, set.runnerGroup, set.name]
    .map((part) => part.trim().toLowerCase())
    .join("\n");
}
