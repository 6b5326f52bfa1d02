// Why: what a function in the cloud is told is written here and read in settings-aws.ts. The deployment (stacks/) and the run
// of the same bundles on one machine call this, so that neither can tell a function what the other does not.

/** What a deployment decides once; `Text` is a string, or one that is known only when it is deployed. */
export interface DeploymentFacts<Text> {
  stage: string;
  table: Text;
  /** The prefix of every secret. */
  secrets: string;
  /** The poller's name. */
  poller: string;
  /** ARN of the key that wraps data keys. */
  kmsKey: Text;
  logLevel: string;
  /** For everything that the functions call. */
  proxy?: { https: string; noProxy: readonly string[] } | undefined;
  /** Webhooks whose failed deliveries GitHub is asked to send again. */
  webhooks: readonly object[];
  /** A shard that was quiet for so long rests; undefined: the profile's own. */
  restAfterMinutes?: number | undefined;
}

/** The environment of one function, without what Lambda itself sets. */
export function functionEnvironment<Text>(
  part: "webhook" | "poller" | "sweep",
  facts: DeploymentFacts<Text>,
): Record<string, string | Text> {
  const { stage, table, secrets, poller, logLevel, proxy } = facts;
  return {
    RUNLET_STAGE: stage,
    RUNLET_TABLE: table,
    RUNLET_SECRETS: secrets,
    RUNLET_POLLER: poller,
    RUNLET_LOG_LEVEL: logLevel,
    ...(proxy && { HTTPS_PROXY: proxy.https, NO_PROXY: proxy.noProxy.join(",") }),
    // Poller and sweep are composed alike (functions/aws-root.ts), so both are told the same.
    ...(part !== "webhook" && controlPlaneEnvironment(facts)),
  };
}

function controlPlaneEnvironment<Text>(facts: DeploymentFacts<Text>) {
  const { kmsKey, webhooks, restAfterMinutes } = facts;
  return {
    RUNLET_KMS_KEY: kmsKey,
    RUNLET_WEBHOOKS: JSON.stringify(webhooks),
    ...(restAfterMinutes && { RUNLET_REST_AFTER_MS: String(restAfterMinutes * 60_000) }),
  };
}
