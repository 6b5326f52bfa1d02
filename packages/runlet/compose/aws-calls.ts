// Why: functions and command line reach AWS the same way: our own fetch, signed for the service, through the proxy that the
// environment names.
import { createAwsCall, type AwsCall } from "@runlet/coordination/aws-json";
import { createAwsFetch } from "@runlet/runtime/aws-fetch";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import { createHttpFetch, type HttpFetch } from "@runlet/runtime/http";
import type { AwsAccountEnvironment, AwsServiceName } from "@runlet/runtime/settings-aws";

export interface AwsCalls {
  http: HttpFetch;
  signedFor(service: AwsServiceName): Fetch;
  dynamodb: AwsCall;
  kms: AwsCall;
  secretsManager: AwsCall;
}

/** Opens nothing yet: connections are made by the first call. `limitMs` is that of one call; default: the adapters' own. */
export function createAwsCalls(
  clock: Clock,
  account: AwsAccountEnvironment,
  limitMs?: number,
): AwsCalls {
  const { region, proxy, urlOf, credentials } = account;
  // A Lambda function has 1,024 descriptors (AWS, "Lambda quotas"), and its polls need most of them.
  const sockets = { http2: "never", socketsPerOrigin: 50 } as const;
  const http = createHttpFetch({ clock, ...sockets, ...(proxy && { proxy }) });
  const signedFor = (service: AwsServiceName) =>
    createAwsFetch({ fetch: http, clock, credentials }, { service, region });
  const callsOf = (service: AwsServiceName, target: string, json: "1.0" | "1.1") =>
    createAwsCall(
      { fetch: signedFor(service), clock, ...(limitMs !== undefined && { limitMs }) },
      { url: urlOf(service), target, json },
    );
  return {
    http,
    signedFor,
    dynamodb: callsOf("dynamodb", "DynamoDB_20120810", "1.0"),
    kms: callsOf("kms", "TrentService", "1.1"),
    secretsManager: callsOf("secretsmanager", "secretsmanager", "1.1"),
  };
}
