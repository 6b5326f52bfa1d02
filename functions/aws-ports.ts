// Why: what the three functions share in the cloud: the environment, and over it the table, the invoker, secrets, log and
// metrics. What only poller and sweep need is in aws-root.ts, so that the webhook's bundle stays small.
import { createAwsCall } from "@runlet/coordination/aws-json";
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import { createLambdaInvoker } from "@runlet/coordination/lambda-invoker";
import { createSecretsManager } from "@runlet/coordination/secrets-manager";
import { createCachedSecrets } from "@runlet/coordination/secrets";
import { createAwsFetch } from "@runlet/runtime/aws-fetch";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";
import { createLog } from "@runlet/runtime/log";
import { createMetrics } from "@runlet/runtime/metrics";
import { createSystemRandom } from "@runlet/runtime/random";
import { readAwsEnvironment, type AwsServiceName } from "@runlet/runtime/settings-aws";

/** Opens nothing yet: connections are made by the first call. */
export function createAwsPorts() {
  const environment = readAwsEnvironment();
  const { region, stage, proxy, urlOf, credentials, logLevel } = environment;
  const clock = createSystemClock();
  const random = createSystemRandom();
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  const log = createLog({ write, wallMs: clock.wallMs }, { level: logLevel });
  const metrics = createMetrics({ write, clock }, { stage });
  const http = createHttpFetch({ clock, http2: "never", ...(proxy && { proxy }) });

  const signedFor = (service: AwsServiceName) =>
    createAwsFetch({ fetch: http, clock, credentials }, { service, region });
  const callsOf = (service: AwsServiceName, target: string, json: "1.0" | "1.1") =>
    createAwsCall({ fetch: signedFor(service), clock }, { url: urlOf(service), target, json });

  const table = createDynamodbTable(
    callsOf("dynamodb", "DynamoDB_20120810", "1.0"),
    environment.tableName,
  );
  const invoker = createLambdaInvoker({
    fetch: signedFor("lambda"),
    clock,
    url: urlOf("lambda"),
    functionName: environment.pollerFunction,
  });
  const manager = createSecretsManager(callsOf("secretsmanager", "secretsmanager", "1.1"));
  const secrets = createCachedSecrets({ secrets: manager, clock });
  return { environment, clock, random, log, metrics, http, table, invoker, secrets, callsOf };
}
