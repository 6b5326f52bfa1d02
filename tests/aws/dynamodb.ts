// Why: every suite on DynamoDB needs a table of its own, made as the deployment makes it, and the adapter on it.
import { createStageTable } from "@runlet/runlet/artifacts/create-stage-table";
import { openDynamodbTable, type OpenTable } from "../contract/table/open-dynamodb.ts";

/** Where run.ts has started it. */
export function dynamodbUrl(): string {
  const url = process.env["RUNLET_DYNAMODB_URL"];
  if (!url) throw new Error("RUNLET_DYNAMODB_URL is not set; run this through npm run test:aws");
  return url;
}

export interface OwnTable extends OpenTable {
  name: string;
  /** Takes the table away and ends the connections. */
  remove(): Promise<void>;
}

/** A new, empty table. */
export async function createOwnTable(): Promise<OwnTable> {
  const name = `test-${crypto.randomUUID()}`;
  const open = openDynamodbTable({ url: dynamodbUrl(), table: name });
  await createStageTable(open.call, name);
  const remove = async () => {
    await open.call("DeleteTable", { TableName: name });
    open.close();
  };
  return { ...open, name, remove };
}
