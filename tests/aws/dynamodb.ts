// Why: every suite on DynamoDB needs a table of its own, made as the deployment makes it, and the adapter on it.
import { createAwsCall, type AwsCall } from "@runlet/coordination/aws-json";
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import type { Table } from "@runlet/coordination/table";
import { createAwsFetch } from "@runlet/runtime/aws-fetch";
import { createSystemClock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import { createHttpFetch } from "@runlet/runtime/http";

const region = "eu-central-1";
const credentials = async () => ({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" });

/** Where run.ts has started it. */
export function dynamodbUrl(): string {
  const url = process.env["RUNLET_DYNAMODB_URL"];
  if (!url) throw new Error("RUNLET_DYNAMODB_URL is not set; run this through npm run test:aws");
  return url;
}

/** Calls of DynamoDB, as a function in the cloud makes them. `wire`: what carries them, where a test comes between. */
export function connectDynamodb(url: string, wire?: Fetch): { call: AwsCall; close: () => void } {
  const clock = createSystemClock();
  const http = createHttpFetch({ clock });
  const fetch = createAwsFetch(
    { fetch: wire ?? http, clock, credentials },
    { service: "dynamodb", region },
  );
  const service = { url, target: "DynamoDB_20120810", json: "1.0" } as const;
  return { call: createAwsCall({ fetch, clock }, service), close: () => http.close() };
}

export interface OwnTable {
  name: string;
  table: Table;
  call: AwsCall;
  remove(): Promise<void>;
}

/** A table of its own. */
export async function createOwnTable(): Promise<OwnTable> {
  const { call, close } = connectDynamodb(dynamodbUrl());
  const name = `test-${crypto.randomUUID()}`;
  await call("CreateTable", {
    TableName: name,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: ["kind", "name"].map((AttributeName) => ({
      AttributeName,
      AttributeType: "S",
    })),
    KeySchema: [
      { AttributeName: "kind", KeyType: "HASH" },
      { AttributeName: "name", KeyType: "RANGE" },
    ],
  });
  return {
    name,
    call,
    table: createDynamodbTable(call, name),
    async remove() {
      await call("DeleteTable", { TableName: name });
      close();
    },
  };
}
