// Why: in the cloud a data key is kept only as KMS has wrapped it; the context it was wrapped for must be said again to
// unwrap it, so a role can be held to the contexts it needs (kms:EncryptionContext:… in its policy).
import * as z from "zod";
import type { AwsCall } from "./aws-json.ts";
import type { KeyContext, KeyWrapping } from "./data-keys.ts";

const base64 = z.base64();
const generated = z.object({ Plaintext: base64, CiphertextBlob: base64 });
const decrypted = z.object({ Plaintext: base64 });

/** Data keys under one KMS key. `call` makes one call of TrentService. Throws AwsError. */
export function createKms(call: AwsCall, keyId: string): KeyWrapping {
  const inContext = (context: KeyContext) => ({ KeyId: keyId, EncryptionContext: { ...context } });
  return {
    async generate(context) {
      const input = { ...inContext(context), KeySpec: "AES_256" };
      const { Plaintext, CiphertextBlob } = generated.parse(await call("GenerateDataKey", input));
      return { key: Buffer.from(Plaintext, "base64"), wrapped: CiphertextBlob };
    },
    async unwrap(wrapped, context) {
      const input = { ...inContext(context), CiphertextBlob: wrapped };
      return Buffer.from(decrypted.parse(await call("Decrypt", input)).Plaintext, "base64");
    },
  };
}
