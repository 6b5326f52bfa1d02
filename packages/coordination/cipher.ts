// Why: a message session's token reads an organisation's job queue, so it is never at rest in the clear.
// AES-256-GCM; the associated data is where the text belongs (kind and key of its row), so that a row
// copied under another key does not open.
import { createCipheriv, createDecipheriv, createHash } from "node:crypto";

/** Seals small secrets for the table. */
export interface Cipher {
  seal(text: string, belongsTo: string): Promise<string>;
  /** Throws Undecryptable: sealed with another key, for another place, or changed. */
  open(sealed: string, belongsTo: string): Promise<string>;
}

export class Undecryptable extends Error {
  override name = "Undecryptable";
}

const nonceBytes = 12;
const tagBytes = 16;

/**
 * A cipher with one 32-byte data key. `nonce` must come from createSystemRandom outside tests: a repeated
 * nonce breaks GCM (NIST SP 800-38D, 8.2). Sealed: `v1.<key's mark>.<nonce, tag and text in base64url>`.
 */
export function createCipher(deps: {
  key: Uint8Array;
  nonce: (bytes: number) => Uint8Array;
}): Cipher {
  const { key } = deps;
  if (key.length !== 32) throw new RangeError(`a data key has 32 bytes, not ${key.length}`);
  const mark = createHash("sha256").update(key).digest("hex").slice(0, 8);
  return {
    async seal(text, belongsTo) {
      const nonce = deps.nonce(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      cipher.setAAD(Buffer.from(belongsTo));
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      const packed = Buffer.concat([nonce, cipher.getAuthTag(), body]);
      return `v1.${mark}.${packed.toString("base64url")}`;
    },
    async open(sealed, belongsTo) {
      const [version, sealedMark, packed] = sealed.split(".");
      if (version !== "v1" || packed === undefined) throw new Undecryptable("not a sealed text");
      if (sealedMark !== mark) {
        throw new Undecryptable(`sealed with key ${sealedMark}, this one is ${mark}`);
      }
      return decrypt(key, Buffer.from(packed, "base64url"), belongsTo);
    },
  };
}

function decrypt(key: Uint8Array, packed: Buffer, belongsTo: string): string {
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, packed.subarray(0, nonceBytes));
    decipher.setAAD(Buffer.from(belongsTo));
    decipher.setAuthTag(packed.subarray(nonceBytes, nonceBytes + tagBytes));
    const text = decipher.update(packed.subarray(nonceBytes + tagBytes));
    return Buffer.concat([text, decipher.final()]).toString("utf8");
  } catch (error) {
    throw new Undecryptable("sealed for another place, or changed", { cause: error });
  }
}
