// Why: the service's JSON has three habits that JSON.parse alone gets wrong: 64-bit ids (rounded above
// 2^53), a byte order mark (an error), and keys whose case differs between server versions (Go's and
// .NET's decoders ignore case, so GitHub's own clients never notice).

/** Every key we read, in the case we read it in. */
const keys = new Map(
  [
    ..."count value id name token url type typeName message expires_at statistics labels".split(
      " ",
    ),
    ..."runnerGroupId runnerGroupName runnerSetting isDefaultGroup runnerScaleSet".split(" "),
    ..."sessionId ownerName messageQueueUrl messageQueueAccessToken".split(" "),
    ..."messageId messageType body runnerRequestId runnerId runnerName result jobId".split(" "),
    ..."repositoryName jobWorkflowRef jobDisplayName workflowRunId eventName".split(" "),
    ..."requestLabels queueTime scaleSetAssignTime runnerAssignTime finishTime".split(" "),
    ..."totalAvailableJobs totalAcquiredJobs totalAssignedJobs totalRunningJobs".split(" "),
    ..."totalRegisteredRunners totalBusyRunners totalIdleRunners".split(" "),
    ..."runner runnerScaleSetId encodedJITConfig permissions repository_selection exp".split(" "),
  ].map((key) => [key.toLowerCase(), key]),
);

/**
 * Parses a body. Whole numbers beyond 2^53 - 1 become their decimal digits (a string); known keys get the
 * case in which wire.ts reads them. Throws SyntaxError.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF+/, ""), revive);
  } catch (cause) {
    // `revive` is called by recursion: what is nested deeper than the stack is no answer of the service's.
    if (cause instanceof RangeError) throw new SyntaxError("is nested too deeply", { cause });
    throw cause;
  }
}

function revive(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value === "number") {
    const source = context?.source;
    return source !== undefined && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
      ? source
      : value;
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  const entries = Object.entries(value);
  if (entries.every(([key]) => (keys.get(key.toLowerCase()) ?? key) === key)) return value;
  const exact = new Set(entries.map(([key]) => key));
  return Object.fromEntries(
    entries.map(([key, item]) => {
      const known = keys.get(key.toLowerCase());
      return [known !== undefined && !exact.has(known) ? known : key, item];
    }),
  );
}
