// Why: what the three functions share in the cloud: the environment, and over it the table, the invoker, secrets, log and
// metrics. What only poller and sweep need is in aws-root.ts, so that the webhook's bundle stays small.
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import { createLambdaInvoker } from "@runlet/coordination/lambda-invoker";
import { createSecretsManager } from "@runlet/coordination/secrets-manager";
import { createCachedSecrets } from "@runlet/coordination/secrets";
import { createAwsCalls } from "@runlet/runlet/compose/aws-calls";
import { createSystemClock } from "@runlet/runtime/clock";
import { createLog } from "@runlet/runtime/log";
import { createMetrics } from "@runlet/runtime/metrics";
import { createSystemRandom } from "@runlet/runtime/random";
import { readAwsEnvironment } from "@runlet/runtime/settings-aws";

/** Opens nothing yet: connections are made by the first call. */
export function createAwsPorts() {
  const environment = readAwsEnvironment();
  const { stage, logLevel, settings } = environment;
  const clock = createSystemClock();
  const random = createSystemRandom();
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  const log = createLog({ write, wallMs: clock.wallMs }, { level: logLevel });
  const metrics = createMetrics({ write, clock }, { stage, flushEveryMs: settings.metricsEveryMs });
  const aws = createAwsCalls(clock, environment);
  const table = createDynamodbTable(aws.dynamodb, environment.tableName);
  const invoker = createLambdaInvoker({
    fetch: aws.signedFor("lambda"),
    clock,
    url: environment.urlOf("lambda"),
    functionName: environment.pollerFunction,
  });
  const manager = createSecretsManager(aws.secretsManager);
  const secrets = createCachedSecrets({ secrets: manager, clock });
  return { environment, clock, random, log, metrics, aws, table, invoker, secrets };
}
