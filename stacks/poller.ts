// Why: a poller serves one shard until shortly before its deadline, and starts its successor itself.
import { cloudSettings } from "@runlet/runtime/settings";
import { clusterPermissions } from "./cluster-access.ts";
import { createFunction, type Parts } from "./function.ts";

/** After the sweep: Lambda refuses a destination that does not exist yet. */
export function createPoller(parts: Parts, sweep: sst.aws.Function) {
  const { stage, secrets, coordination } = parts;
  const { settings } = stage;
  const poller = createFunction(parts, "poller", {
    timeoutMs: cloudSettings.invocationMs,
    memoryMb: settings.pollerMemoryMb,
    concurrency: settings.pollerConcurrency,
    permissions: [
      ...secrets.readRegistered,
      ...coordination.useKeys(),
      ...clusterPermissions(stage),
      // Lambda calls the destination of failures in the function's name.
      { actions: ["lambda:InvokeFunction"], resources: [sweep.arn] },
    ],
    // Not tried again, so that the notice comes at once: the sweep starts a successor, which takes over as soon as the
    // lease has run out. A wake that is older than the sweep's period is the sweep's business.
    onFailure: { destination: sweep.arn, maxAgeMs: cloudSettings.sweepEveryMs },
  });
  // A poller starts its successor for ever, on purpose. Lambda ends a chain after about 16 invocations that it
  // knows as one by the trace header of AWS's SDKs (AWS, "Use Lambda recursive loop detection to prevent infinite
  // loops"); ours pass none on, and what it would know all the same is allowed here, since each end would cost a
  // shard up to a minute. The brakes are ours: one lease a shard, the end of packages/control-plane/sweep/follow-failure.ts,
  // the limit of concurrency above, and the alarm on cost.
  new aws.lambda.FunctionRecursionConfig("PollerRecursion", {
    functionName: poller.name,
    recursiveLoop: "Allow",
  });
  return poller;
}
