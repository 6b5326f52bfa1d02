// Why: DynamoDB is where the leases of a real deployment live; it must pass the suite that defines the port, word for word.
import { describeTable } from "../contract/table/table-contract.ts";
import { createOwnTable } from "./dynamodb.ts";

describeTable("DynamoDB", async () => {
  const { table, remove } = await createOwnTable();
  return { table, close: remove };
});
