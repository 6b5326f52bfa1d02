// Why: the tests' way to a table on DynamoDB: the adapter as a function in the cloud has it, with keys that only an
// emulator takes.
import { createAwsCall, type AwsCall } from "@runlet/coordination/aws-json";
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import type { Table } from "@runlet/coordination/table";
import { createAwsFetch } from "@runlet/runtime/aws-fetch";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";

export interface OpenTable {
  table: Table;
  /** DynamoDB's other operations. */
  call: AwsCall;
  close(): void;
}

/** The table of this name at `url`, which need not be there yet. */
export function openDynamodbTable(place: { url: string; table: string }): OpenTable {
  const clock = createSystemClock();
  const http = createHttpFetch({ clock });
  const credentials = async () => ({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" });
  const target = { service: "dynamodb", region: "eu-central-1" };
  const fetch = createAwsFetch({ fetch: http, clock, credentials }, target);
  const service = { url: place.url, target: "DynamoDB_20120810", json: "1.0" } as const;
  const call = createAwsCall({ fetch, clock }, service);
  return { table: createDynamodbTable(call, place.table), call, close: () => http.close() };
}
