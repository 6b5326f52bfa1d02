// Why: on emulators nobody has deployed a table: it is made with the keys that the deployment gives it (stacks/coordination.ts).
import type { AwsCall } from "@runlet/coordination/aws-json";

/** Makes the table of this name; `call` is DynamoDB's. */
export async function createStageTable(call: AwsCall, name: string): Promise<void> {
  const keys = ["kind", "name"];
  await call("CreateTable", {
    TableName: name,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: keys.map((key) => ({ AttributeName: key, AttributeType: "S" })),
    KeySchema: [
      { AttributeName: "kind", KeyType: "HASH" },
      { AttributeName: "name", KeyType: "RANGE" },
    ],
  });
}
