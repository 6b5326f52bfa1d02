// Why: the store in the cloud: one DynamoDB table on demand, which costs nothing while nothing is written. The kind of a
// row (its key's first segment) is the partition, the rest the sort key, so that a prefix is one Query.
//
// `expiresAt` is kept twice: as it was given, and in whole seconds as `ttl`, which DynamoDB deletes by, days late.
import * as z from "zod/mini";
import { AwsError, type AwsCall } from "./aws-json.ts";
import { checkPrefix, checkRow } from "./check-row.ts";
import { TableBusy, TableError, type JsonObject, type Row, type Table } from "./table.ts";

const text = z.object({ S: z.string() });
const number = z.object({ N: z.coerce.number<string>() });
const item = z.object({
  kind: text,
  name: text,
  version: text,
  value: text,
  expiresAt: z.exactOptional(number),
});
const got = z.object({ Item: z.exactOptional(item) });
const page = z.object({ Items: z.array(item), LastEvaluatedKey: z.exactOptional(z.unknown()) });
const refusal = z.object({ Item: z.exactOptional(z.object({ version: text })) });

/**
 * The table of this name, whose keys are `kind` (hash) and `name` (range), both text. `call` makes one call of
 * DynamoDB_20120810; it is not made again here, since putSettled knows how an unknown end is settled.
 */
export function createDynamodbTable(call: AwsCall, tableName: string): Table {
  async function ask(operation: string, input: object): Promise<unknown> {
    try {
      return await call(operation, { TableName: tableName, ...input });
    } catch (error) {
      throw tableErrorOf(tableName, error);
    }
  }
  /** Not done: the condition did not hold; `there` is the row's version, if it was asked for and there is one. */
  async function write(operation: "PutItem" | "DeleteItem", input: object) {
    try {
      await ask(operation, input);
      return { done: true } as const;
    } catch (error) {
      if (!(error instanceof AwsError) || error.code !== conditionFailed) throw error;
      return { done: false, there: refusal.safeParse(error.answer).data?.Item } as const;
    }
  }
  return {
    async get(key) {
      const answer = await ask("GetItem", { Key: keyOf(key), ConsistentRead: true });
      const { Item: found } = got.parse(answer);
      return found && toRow(found);
    },
    async put(row, when) {
      const condition = "absent" in when ? ifAbsent : ifVersion(when.version);
      const written = await write("PutItem", { Item: toItem(row), ...condition });
      return written.done ? "put" : "refused";
    },
    async list(prefix) {
      checkPrefix(prefix);
      const rows: Row[] = [];
      let from: unknown;
      do {
        const start = from === undefined ? {} : { ExclusiveStartKey: from };
        const answer = page.parse(await ask("Query", { ...startingWith(prefix), ...start }));
        rows.push(...answer.Items.map(toRow));
        from = answer.LastEvaluatedKey;
      } while (from !== undefined);
      return rows;
    },
    async remove(key, version) {
      const written = await write("DeleteItem", {
        Key: keyOf(key),
        ...ifVersion(version),
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      });
      if (written.done) return "removed";
      return written.there ? "refused" : "absent";
    },
  };
}

const conditionFailed = "ConditionalCheckFailedException";
const ifAbsent = { ConditionExpression: "attribute_not_exists(kind)" };
const ifVersion = (version: string) => ({
  ConditionExpression: "#version = :version",
  ExpressionAttributeNames: { "#version": "version" },
  ExpressionAttributeValues: { ":version": { S: version } },
});

function keyOf(key: string) {
  const slash = key.indexOf("/");
  return { kind: { S: key.slice(0, slash) }, name: { S: key.slice(slash + 1) } };
}

function startingWith(prefix: string) {
  const { kind, name } = keyOf(prefix);
  // An empty text begins nothing, says DynamoDB.
  const begins = name.S === "" ? "" : " AND begins_with(#name, :name)";
  return {
    ConsistentRead: true,
    KeyConditionExpression: `kind = :kind${begins}`,
    ...(begins && { ExpressionAttributeNames: { "#name": "name" } }),
    ExpressionAttributeValues: { ":kind": kind, ...(begins && { ":name": name }) },
  };
}

function toItem(row: Row) {
  const value = checkRow(row);
  const { expiresAt } = row;
  return {
    ...keyOf(row.key),
    version: { S: row.version },
    value: { S: value },
    ...(expiresAt !== undefined && {
      expiresAt: { N: String(expiresAt) },
      ttl: { N: String(Math.ceil(expiresAt / 1_000)) },
    }),
  };
}

function toRow(found: z.infer<typeof item>): Row {
  const key = `${found.kind.S}/${found.name.S}`;
  // `as`: checkRow wrote this JSON from a JsonObject.
  const row = { key, version: found.version.S, value: JSON.parse(found.value.S) as JsonObject };
  return found.expiresAt ? { ...row, expiresAt: found.expiresAt.N } : row;
}

/**
 * Throttled: nothing has happened. Another 4xx: nothing has happened, and nothing will until somebody mends it.
 * What is left may have happened.
 */
function tableErrorOf(tableName: string, error: unknown): unknown {
  if (!(error instanceof AwsError) || error.code === conditionFailed) return error;
  if (error.throttled) return new TableBusy(error.message, { cause: error });
  if (error.status >= 500) return error;
  return new TableError(`table ${tableName}: ${error.message}`, { cause: error });
}
