// Why: what is sealed must open in its place with its key, and nowhere else.
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSystemRandom } from "@runlet/runtime/random";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createCipher, Undecryptable } from "./cipher.ts";
import { KeyFileError, readOrCreateKeyFile } from "./key-file.ts";

const random = createSystemRandom();
const make = (key: Uint8Array) => createCipher({ key, nonce: (count) => random.bytes(count) });
const cipher = make(random.bytes(32));

test("what is sealed opens in its place, and its text is not in it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ minLength: 8, unit: "binary" }),
      fc.string(),
      async (text, place) => {
        const sealed = await cipher.seal(text, place);
        expect(sealed).not.toContain(text);
        expect(await cipher.open(sealed, place)).toBe(text.toWellFormed());
      },
    ),
    { numRuns: 30 },
  );
});

test("the same text is sealed differently each time", async () => {
  expect(await cipher.seal("token", "a")).not.toBe(await cipher.seal("token", "a"));
});

test("nothing opens in another place, with another key, or changed anywhere", async () => {
  const sealed = await cipher.seal("a queue token", "session/github.com/org:7");
  const open = (text: string, place = "session/github.com/org:7") => cipher.open(text, place);
  await expect(open(sealed, "session/github.com/org:8")).rejects.toBeInstanceOf(Undecryptable);
  const other = make(random.bytes(32)).open(sealed, "session/github.com/org:7");
  await expect(other).rejects.toThrow(/sealed with key [0-9a-f]{8}, this one is/);
  for (const text of ["", "v1", "v2.x.y", "plain text", sealed.slice(0, 30)]) {
    await expect(open(text)).rejects.toBeInstanceOf(Undecryptable);
  }
  const packedFrom = sealed.lastIndexOf(".") + 1;
  for (let at = packedFrom; at < sealed.length - 1; at++) {
    const changed = `${sealed.slice(0, at)}${sealed[at] === "A" ? "B" : "A"}${sealed.slice(at + 1)}`;
    await expect(open(changed)).rejects.toBeInstanceOf(Undecryptable);
  }
});

test("a data key of another length is refused", () => {
  expect(() => make(random.bytes(16))).toThrow(/32 bytes, not 16/);
});

describe("a key file", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "runlet-key-"));
    path = join(folder, "keys", "data.key");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("is drawn once, for its owner alone, and leaves nothing beside it", () => {
    const key = readOrCreateKeyFile(path, random);
    expect(key).toHaveLength(32);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readOrCreateKeyFile(path, random)).toEqual(key);
    expect(readdirSync(join(folder, "keys"))).toEqual(["data.key"]);
  });
  test("that somebody else made in the same moment wins over ours", () => {
    const theirs = random.bytes(32);
    const racing = {
      ...random,
      bytes: (count: number) => {
        writeFileSync(path, theirs, { mode: 0o600 });
        return random.bytes(count);
      },
    };
    expect(Buffer.from(readOrCreateKeyFile(path, racing))).toEqual(Buffer.from(theirs));
    expect(readdirSync(join(folder, "keys"))).toEqual(["data.key"]);
  });
  test("that others may read, or of another length, is refused with what to do", () => {
    readOrCreateKeyFile(path, random);
    chmodSync(path, 0o644);
    expect(() => readOrCreateKeyFile(path, random)).toThrow(/may be read by others; chmod 600/);
    writeFileSync(path, "short");
    expect(() => readOrCreateKeyFile(path, random)).toThrow(KeyFileError);
    expect(() => readOrCreateKeyFile(path, random)).toThrow(/has 5 bytes, a key has 32/);
  });
});
