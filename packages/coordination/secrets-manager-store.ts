// Why: the command line writes what the functions read from Secrets Manager; it does so with the rights of whoever runs it.
import * as z from "zod";
import { AwsError, type AwsCall } from "./aws-json.ts";
import type { SecretStore } from "./secret-store.ts";
import { createSecretsManager } from "./secrets-manager.ts";

const page = z.object({
  SecretList: z.array(z.object({ Name: z.string() })),
  NextToken: z.string().nullish(),
});
const described = z.object({ DeletedDate: z.unknown() });
/** A page holds a hundred: no deployment has more secrets than this many pages. */
const pagesMax = 50;
/** Deleted for good after a week (the least that there is): until then it can be restored by hand. */
const graceDays = 7;

/** `call` makes one call of secretsmanager. Throws AwsError. */
export function createSecretsManagerStore(call: AwsCall): SecretStore {
  return {
    ...createSecretsManager(call),
    async list(prefix) {
      const names: string[] = [];
      let next: string | null | undefined;
      for (let count = 0; count < pagesMax; count++) {
        const filters = [{ Key: "name", Values: [prefix] }];
        const input = { Filters: filters, MaxResults: 100, ...(next && { NextToken: next }) };
        const { SecretList, NextToken } = page.parse(await call("ListSecrets", input));
        names.push(...SecretList.map(({ Name }) => Name));
        if (!NextToken) break;
        next = NextToken;
      }
      return names.filter((name) => name.startsWith(prefix)).toSorted();
    },
    async put(name, text) {
      try {
        await call("CreateSecret", { Name: name, SecretString: text });
      } catch (error) {
        if (!hasCode(error, "ResourceExistsException") && !isDeleted(error)) throw error;
        const { DeletedDate } = described.parse(await call("DescribeSecret", { SecretId: name }));
        if (DeletedDate) await call("RestoreSecret", { SecretId: name });
        await call("PutSecretValue", { SecretId: name, SecretString: text });
      }
    },
    async remove(name) {
      try {
        await call("DeleteSecret", { SecretId: name, RecoveryWindowInDays: graceDays });
        return "removed";
      } catch (error) {
        if (hasCode(error, "ResourceNotFoundException") || isDeleted(error)) return "absent";
        throw error;
      }
    },
  };
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof AwsError && error.code === code;
}

/** Its name is taken until the grace is over ("scheduled for deletion", "marked for deletion"). */
function isDeleted(error: unknown): boolean {
  return (
    error instanceof AwsError &&
    error.code === "InvalidRequestException" &&
    /deletion|deleted/.test(error.message)
  );
}
