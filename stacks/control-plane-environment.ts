// Why: poller and sweep are composed alike (functions/aws-root.ts), so both are told the same.
import type { Parts } from "./function.ts";

export function controlPlaneEnvironment({ stage, coordination }: Parts) {
  const { webhooks, restAfterMinutes } = stage.settings;
  return {
    RUNLET_KMS_KEY: coordination.key.arn,
    RUNLET_WEBHOOKS: JSON.stringify(webhooks),
    ...(restAfterMinutes && { RUNLET_REST_AFTER_MS: String(restAfterMinutes * 60_000) }),
  };
}
