// Why: who serves which shard is one table; what is sealed in it is sealed with data keys that one KMS key has wrapped.
// The table itself is encrypted with DynamoDB's own key: a customer key would add a call of KMS to reads, and take the
// table down with it, to hide what is sealed already.
import type { Stage } from "./stage.ts";

export function createCoordination(stage: Stage) {
  const table = new sst.aws.Dynamo("Table", {
    fields: { kind: "string", name: "string" },
    primaryIndex: { hashKey: "kind", rangeKey: "name" },
    ttl: "ttl",
    deletionProtection: stage.kept,
    transform: {
      table: (_args, options) => {
        options.protect = stage.kept;
        return undefined;
      },
    },
  });
  const key = new aws.kms.Key(
    "DataKeys",
    {
      description: `Wraps the data keys of ${stage.nameOf("shards")}`,
      enableKeyRotation: true,
      deletionWindowInDays: stage.kept ? 30 : 7,
    },
    { retainOnDelete: stage.kept, protect: stage.kept },
  );
  new aws.kms.Alias("DataKeysAlias", {
    name: `alias/${stage.nameOf("data-keys")}`,
    targetKeyId: key.keyId,
  });
  // What the platform gave up on. Nothing reads it: the state is in the table. It is kept for a day to look at.
  const failed = new sst.aws.Queue("Failed", {
    transform: {
      queue: (args) => {
        args.messageRetentionSeconds = 86_400;
        args.sqsManagedSseEnabled = true;
        return undefined;
      },
    },
  });
  const verbs = ["GetItem", "PutItem", "DeleteItem", "Query"];
  const context = (name: string, value: string) => ({
    test: "StringEquals",
    variable: `kms:EncryptionContext:${name}`,
    values: [value],
  });
  return {
    table,
    key,
    failed,
    /** For each function: the four verbs of the table port. */
    useTable: [{ actions: verbs.map((verb) => `dynamodb:${verb}`), resources: [table.arn] }],
    /** The data keys of this stage: of every shard, or of `shard` alone. */
    useKeys: (shard?: string) => [
      {
        actions: ["kms:GenerateDataKey", "kms:Decrypt"],
        resources: [key.arn],
        conditions: [context("stage", stage.name), ...(shard ? [context("shard", shard)] : [])],
      },
    ],
    /** For what Lambda sends there in a function's name. */
    sendFailed: [{ actions: ["sqs:SendMessage"], resources: [failed.arn] }],
  };
}

export type Coordination = ReturnType<typeof createCoordination>;
