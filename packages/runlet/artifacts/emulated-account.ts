// Why: an AWS account as far as Runlet needs one, on the emulators: the calls of whoever deploys into it and of the functions,
// made by the adapters that they really have.
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import type { Table } from "@runlet/coordination/table";
import type { Clock } from "@runlet/runtime/clock";
import type { AwsServiceName } from "@runlet/runtime/settings-aws";
import { createAwsCalls, type AwsCalls } from "../compose/aws-calls.ts";
import { createStageTable } from "./create-stage-table.ts";
import type { EmulatorPlaces } from "./emulators.ts";

export const region = "eu-central-1";
/** Of moto, which gives every key without a role to this account. */
export const accountId = "123456789012";
/** Whoever deploys. DynamoDB Local takes letters and digits only. */
export const deployer = { accessKeyId: "AKIADEPLOYER", secretAccessKey: "deployer-secret" };

/** The first calls of an emulator that has just started take seconds on a busy machine. */
const patienceMs = 60_000;

export interface EmulatedAccount extends AwsCalls {
  createTable(name: string): Promise<Table>;
  removeTable(name: string): Promise<void>;
  /** A new KMS key's ARN. */
  createKey(): Promise<string>;
  createSecret(name: string, text: string): Promise<void>;
}

/** Opens nothing yet; `http.close()` ends its connections. */
export function connectAccount(clock: Clock, places: EmulatorPlaces): EmulatedAccount {
  const urlOf = (service: AwsServiceName) =>
    service === "dynamodb" ? places.dynamodbUrl : places.motoUrl;
  const whom = { region, urlOf, credentials: async () => deployer, proxy: undefined };
  const calls = createAwsCalls(clock, whom, patienceMs);
  return {
    ...calls,
    async createTable(name) {
      await createStageTable(calls.dynamodb, name);
      return createDynamodbTable(calls.dynamodb, name);
    },
    removeTable: async (name) => void (await calls.dynamodb("DeleteTable", { TableName: name })),
    async createKey() {
      const made = (await calls.kms("CreateKey", {})) as { KeyMetadata: { Arn: string } }; // KMS, CreateKey
      return made.KeyMetadata.Arn;
    },
    async createSecret(name, text) {
      await calls.secretsManager("CreateSecret", { Name: name, SecretString: text });
    },
  };
}
