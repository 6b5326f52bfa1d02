// Why: prod keeps what would be missed and refuses to be removed; another stage leaves nothing behind. And what is kept of the
// past has an end: logs, rows, failed events.
import * as z from "zod";
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import {
  componentOf,
  functionNames,
  functionOf,
  oneOf,
  types,
  type Deployment,
} from "./deployment.ts";

const tableShape = z.object({
  attributes: z.array(z.object({ name: z.string(), type: z.string() })),
  billingMode: z.string(),
  hashKey: z.string(),
  rangeKey: z.string(),
  deletionProtectionEnabled: z.boolean(),
  pointInTimeRecovery: z.object({ enabled: z.boolean() }),
  ttl: z.object({ attributeName: z.string(), enabled: z.boolean() }),
});

/** What is wrong with what is kept. */
export async function judgeKeeping(deployment: Deployment): Promise<string[]> {
  return [...judgeRemoval(deployment), ...judgeEnds(deployment), ...(await judgeTable(deployment))];
}

function judgeRemoval(deployment: Deployment): string[] {
  const prod = deployment.stage === "prod";
  const { app } = deployment;
  const table = oneOf(deployment, types.table);
  const key = oneOf(deployment, types.key);
  const secret = oneOf(deployment, types.secret);
  const window = secret.inputs["recoveryWindowInDays"];
  const retained = deployment.resources.filter((one) => one.custom && one.retainOnDelete);
  const { deletionProtectionEnabled } = tableShape.parse(table.inputs);
  return [
    app["removal"] !== (prod ? "retain" : "remove") && `removal is ${String(app["removal"])}`,
    app["protect"] !== prod && `sst remove is ${prod ? "not refused" : "refused"}`,
    deletionProtectionEnabled !== prod && "the table's deletion protection is wrong",
    table.retainOnDelete !== prod && "the table is kept or lost wrongly",
    key.retainOnDelete !== prod && "the key is kept or lost wrongly",
    // What replaces one of them is empty, and used at once.
    ...[table, key, secret].map(
      (one) => one.isProtected !== prod && `${one.name} is ${prod ? "not " : ""}protected`,
    ),
    // Without the key what it has wrapped is lost: longest notice where it matters, shortest elsewhere (KMS: 7 to 30).
    key.inputs["deletionWindowInDays"] !== (prod ? 30 : 7) && "the key's notice is wrong",
    window !== (prod ? 30 : 0) && `the webhook's secret is recoverable for ${String(window)} days`,
    !prod && retained.length > 0 && `${retained.map(({ name }) => name).join(", ")} would stay`,
  ].filter((what) => what !== false);
}

function judgeEnds(deployment: Deployment): string[] {
  const groups = functionNames.flatMap((name) => {
    const group = oneOf(deployment, types.logGroup, componentOf(name)).inputs;
    const days = group["retentionInDays"];
    const used = JSON.stringify(functionOf(deployment, name).inputs["loggingConfig"]);
    return [
      !(typeof days === "number" && days >= 7 && days <= 400) && `${name} keeps its log for ever`,
      !used.includes(`"logGroup":"${String(group["name"])}"`) && `${name} writes to another log`,
      // Another format wraps each line and breaks the embedded metrics.
      !used.includes(`"logFormat":"Text"`) && `${name}'s lines are wrapped`,
    ];
  });
  const kept = oneOf(deployment, types.queue).inputs["messageRetentionSeconds"];
  return [...groups, kept !== 86_400 && "failed events are not kept for a day"].filter(
    (what) => what !== false,
  );
}

const written = z.object({
  TableName: z.string(),
  Item: z.record(z.string(), z.record(z.string(), z.string())),
});

/** The table has the keys and the time to live by which its adapter writes. */
async function judgeTable(deployment: Deployment): Promise<string[]> {
  const table = tableShape.parse(oneOf(deployment, types.table).inputs);
  const item = await writeRow();
  const typeOf = (name: string) => Object.keys(item[name] ?? {})[0];
  const declared = new Map(table.attributes.map(({ name, type }) => [name, type]));
  const keys = [table.hashKey, table.rangeKey];
  return [
    table.billingMode !== "PAY_PER_REQUEST" && `the table is billed as ${table.billingMode}`,
    !table.pointInTimeRecovery.enabled && "the table cannot be restored to a moment",
    keys.join() !== "kind,name" && `the table's keys are ${keys.join(" and ")}`,
    ...keys.map((key) => typeOf(key) !== declared.get(key) && `rows have no ${key} of that type`),
    !table.ttl.enabled && "rows have no end",
    typeOf(table.ttl.attributeName) !== "N" && `rows have no ${table.ttl.attributeName} to end by`,
  ].filter((what) => what !== false);
}

/** A row as the adapter sends it to DynamoDB. */
async function writeRow() {
  const sent: unknown[] = [];
  const table = createDynamodbTable(async (_, input) => {
    sent.push(input);
    return {};
  }, "t");
  const row = { key: "kind/name", version: "1", value: {}, expiresAt: 1_000 };
  await table.put(row, { absent: true });
  return written.parse(sent[0]).Item;
}
