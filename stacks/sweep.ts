// Why: whatever was missed is found by the sweep, once a minute; and it is told of each poller that has failed.
import { cloudSettings } from "@runlet/runtime/settings";
import { clusterPermissions } from "./cluster-access.ts";
import { createFunction, type Parts } from "./function.ts";

/** What both sides of the admin connections are sealed with (packages/runlet/compose/control-plane.ts). */
const adminKey = "admin";

export function createSweep(parts: Parts) {
  const { stage, secrets, coordination } = parts;
  const { sweepEveryMs, leaseMs, effectTimeoutMs } = cloudSettings;
  const sweep = createFunction(parts, "sweep", {
    // It watches leases for their length, between calls that each have a limit. Two may overlap, which does no harm.
    timeoutMs: sweepEveryMs + leaseMs + 3 * effectTimeoutMs,
    memoryMb: stage.settings.sweepMemoryMb,
    // Beside them, in each shard, one that waits before it follows a failed poller.
    concurrency: 2 + stage.settings.shardsMax,
    permissions: [
      ...secrets.readRegistered,
      ...coordination.useKeys(adminKey),
      ...coordination.sendFailed,
      ...clusterPermissions(stage),
    ],
    // The next one comes in a minute; what failed is kept to look at.
    onFailure: { destination: coordination.failed.arn, maxAgeMs: sweepEveryMs },
  });
  new sst.aws.CronV2("EachMinute", {
    schedule: "rate(1 minute)",
    function: sweep,
    retries: 0,
    dlq: coordination.failed.arn,
  });
  return sweep;
}
