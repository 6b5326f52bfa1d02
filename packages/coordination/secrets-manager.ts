// Why: in the cloud secrets are kept in AWS Secrets Manager, which audits each reading and whose policies name each secret.
import * as z from "zod/mini";
import { AwsError, type AwsCall } from "./aws-json.ts";
import type { Secrets } from "./secrets.ts";

const value = z.object({ SecretString: z.exactOptional(z.string()) });

/** Secrets by name. `call` makes one call of secretsmanager. Throws AwsError, and for a secret that is bytes. */
export function createSecretsManager(call: AwsCall): Secrets {
  return {
    async find(name) {
      try {
        const { SecretString: text } = value.parse(
          await call("GetSecretValue", { SecretId: name }),
        );
        if (text === undefined) throw new Error(`secret ${name} is bytes; store it as text`);
        return text;
      } catch (error) {
        if (error instanceof AwsError && isAbsent(error)) return undefined;
        throw error;
      }
    },
  };
}

/** There is none, or it is on its way out (deletion takes a week at least, and a reading is refused at once). */
function isAbsent({ code, message }: AwsError): boolean {
  if (code === "ResourceNotFoundException") return true;
  return code === "InvalidRequestException" && /marked (for deletion|deleted)/.test(message);
}
