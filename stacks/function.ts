// Why: the three functions differ in little; what they share stands here: runtime, bundle, log, and a role that holds what
// it was given and no more. (SST would add AWS's policy for logs, which holds for every log group of the account.)
import { bundleOptions } from "@runlet/runlet/artifacts/bundle-options";
import { functionEnvironment } from "@runlet/runtime/function-environment";
import type { Coordination } from "./coordination.ts";
import type { Secrets } from "./secrets.ts";
import type { Part, Stage } from "./stage.ts";

export interface Parts {
  stage: Stage;
  secrets: Secrets;
  coordination: Coordination;
}

interface FunctionOptions {
  timeoutMs: number;
  memoryMb: number;
  /** Its own limit, so that none of the three can take the others' place. */
  concurrency: number;
  permissions: sst.aws.FunctionPermissionArgs[];
  /** A public address. */
  url?: true;
  /** Where an asynchronous invocation goes that failed, or waited for longer than `maxAgeMs`; it is not tried again. */
  onFailure?: { destination: $util.Input<string>; maxAgeMs: number };
}

export function createFunction(
  { stage, coordination }: Parts,
  part: Part,
  options: FunctionOptions,
) {
  const { settings } = stage;
  const { onFailure } = options;
  const name = stage.functionName(part);
  const log = stage.arnOf("logs", `log-group:/aws/lambda/${name}:*`);
  const poller = stage.arnOf("lambda", `function:${stage.functionName("poller")}`);
  const onlyLambda = aws.iam.assumeRolePolicyForPrincipal({ Service: "lambda.amazonaws.com" });
  return new sst.aws.Function(`${part.charAt(0).toUpperCase()}${part.slice(1)}`, {
    name,
    handler: `functions/${part}.handler`,
    runtime: "nodejs24.x",
    architecture: "arm64",
    timeout: `${options.timeoutMs / 1_000} seconds`,
    memory: `${options.memoryMb} MB`,
    concurrency: { reserved: options.concurrency },
    nodejs: bundleOptions,
    // Each line is JSON already; Lambda's own format would wrap it in another, and break embedded metrics.
    logging: { format: "text", retention: settings.logRetention },
    environment: functionEnvironment(part, {
      ...settings,
      stage: stage.name,
      table: coordination.table.name,
      secrets: stage.secrets,
      poller: stage.functionName("poller"),
      kmsKey: coordination.key.arn,
    }),
    permissions: [
      { actions: ["logs:CreateLogStream", "logs:PutLogEvents"], resources: [log] },
      ...coordination.useTable,
      { actions: ["lambda:InvokeFunction"], resources: [poller] },
      ...options.permissions,
    ],
    ...(settings.vpc && { vpc: settings.vpc }),
    ...(options.url && { url: { authorization: "none", cors: false } }),
    ...(onFailure && { retries: 0 }),
    transform: {
      role: (args) => {
        // SST 4.17 lets everybody in the account take on the role, which only "sst dev" needs.
        if (!$dev) args.assumeRolePolicy = onlyLambda;
        // Network interfaces know no resource, so AWS's policy is as narrow as one of our own.
        const network = stage.managedPolicy("service-role/AWSLambdaENIManagementAccess");
        args.managedPolicyArns = settings.vpc ? [network] : [];
        return undefined;
      },
      eventInvokeConfig: (args) => {
        if (!onFailure) return undefined;
        args.maximumEventAgeInSeconds = onFailure.maxAgeMs / 1_000;
        args.destinationConfig = { onFailure: { destination: onFailure.destination } };
        return undefined;
      },
    },
  });
}
