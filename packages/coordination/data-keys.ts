// Why: what a shard's poller seals is sealed with the shard's own data key, so that whoever gets hold of one key reads
// two hundred sessions and not all. The key is drawn by KMS on first use and kept in the table, wrapped.
import type { Random } from "@runlet/runtime/random";
import * as z from "zod";
import { AwsError } from "./aws-json.ts";
import { createCipher, Undecryptable, type Cipher } from "./cipher.ts";
import { keys } from "./keys.ts";
import { getSettled, putSettled, type SettleDeps } from "./put-settled.ts";
import type { Row } from "./table.ts";

/** What a data key is wrapped for. */
export interface KeyContext {
  stage: string;
  /** The shard, or another name for what is sealed with it. */
  shard: string;
}

/** Who wraps data keys: KMS. */
export interface KeyWrapping {
  /** A new key of 32 bytes, and the same as it may be kept. */
  generate(context: KeyContext): Promise<{ key: Uint8Array; wrapped: string }>;
  /** Throws AwsError when it was wrapped for another context, with another key, or may not be unwrapped. */
  unwrap(wrapped: string, context: KeyContext): Promise<Uint8Array>;
}

export interface DataKeyDeps extends SettleDeps {
  /** Draws nonces; the system's outside of tests. */
  random: Random;
  wrapping: KeyWrapping;
  stage: string;
}

const dataKeyRow = z.object({ wrapped: z.string() });

/**
 * For each shard a cipher that seals with the shard's key and opens what any shard has sealed, since a scale set may
 * have moved. Sealed: the name of the shard, a colon, and what cipher.ts makes.
 */
export function createShardCiphers(deps: DataKeyDeps): (shard: string) => Cipher {
  const opened = new Map<string, Promise<Cipher>>();

  function cipherOf(shard: string): Promise<Cipher> {
    const known = opened.get(shard);
    if (known) return known;
    const opening = openCipher(deps, shard);
    opened.set(shard, opening);
    opening.catch(() => opened.delete(shard));
    return opening;
  }
  return (own) => ({
    async seal(text, belongsTo) {
      const cipher = await cipherOf(own);
      return `${own}:${await cipher.seal(text, belongsTo)}`;
    },
    async open(sealed, belongsTo) {
      const [, shard, text] = /^([^:]+):(.+)$/.exec(sealed) ?? [];
      if (!shard || !text) throw new Undecryptable("not sealed with a shard's key");
      return (await cipherOf(shard)).open(text, belongsTo);
    },
  });
}

async function openCipher(deps: DataKeyDeps, shard: string): Promise<Cipher> {
  const context = { stage: deps.stage, shard };
  const row = await getSettled(deps, keys.dataKey(shard));
  const key = (await unwrap(deps, context, row)) ?? (await make(deps, context, row));
  return createCipher({ key, nonce: (bytes) => deps.random.bytes(bytes) });
}

/** KMS's words for: this will never be unwrapped again (the KMS key is another, or gone; the text is damaged). */
const lostForGood = new Set([
  "IncorrectKeyException",
  "InvalidCiphertextException",
  "KMSInvalidStateException",
  "NotFoundException",
]);

async function unwrap(deps: DataKeyDeps, context: KeyContext, row: Row | undefined) {
  const wrapped = dataKeyRow.safeParse(row?.value).data?.wrapped;
  if (wrapped === undefined) return undefined;
  try {
    return await deps.wrapping.unwrap(wrapped, context);
  } catch (error) {
    if (error instanceof AwsError && lostForGood.has(error.code)) return undefined;
    throw error;
  }
}

/** A new key in place of `row`; if somebody else was faster, theirs. */
async function make(deps: DataKeyDeps, context: KeyContext, row: Row | undefined) {
  const { key, wrapped } = await deps.wrapping.generate(context);
  const made = {
    key: keys.dataKey(context.shard),
    version: deps.random.uuid(),
    value: { wrapped },
  };
  const when = row ? { version: row.version } : ({ absent: true } as const);
  const result = await putSettled(deps, made, when);
  if (result.kind === "put") return key;
  const theirs = await unwrap(deps, context, result.current);
  if (!theirs) throw new Error(`the data key of ${context.shard} was written by others meanwhile`);
  return theirs;
}
