// Why: on AWS each function has a role of its own, which Lambda lends it as an access key. A cluster of EKS knows poller and
// sweep by theirs; nobody knows the webhook's.
import type { FunctionName } from "./bundle-function.ts";
import { accountId } from "./emulated-account.ts";

/** Letters and digits only: DynamoDB Local takes no others. */
const keyOf = (name: FunctionName) => ({
  accessKeyId: `AKIA${name.toUpperCase()}`,
  secretAccessKey: `${name}-secret`,
});

export const functionKeys = {
  webhook: keyOf("webhook"),
  poller: keyOf("poller"),
  sweep: keyOf("sweep"),
};

/** The role of a function in a stage. */
export function roleArn(stage: string, name: FunctionName): string {
  return `arn:aws:iam::${accountId}:role/runlet-${stage}-${name}`;
}
