// Why: the bench of costs prices what the DynamoDB adapter asks of a table in memory, so that table must do as DynamoDB does.
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import { createMemoryDynamodb } from "../../bench/cost/memory-dynamodb.ts";
import { describeTable } from "./table-contract.ts";

describeTable("the DynamoDB adapter over the bench's table in memory", async () => {
  const { call } = createMemoryDynamodb(() => {});
  return { table: createDynamodbTable(call, "bench"), close: async () => {} };
});
