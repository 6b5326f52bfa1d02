// Why: on one machine the data key is a file of its own, so that a copy of the state file alone (a backup,
// a bug report) gives nothing away. Several processes may want it first at the same time.
import { linkSync, mkdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Random } from "@runlet/runtime/random";

/** The file is there but must not be used: says why and what to do. */
export class KeyFileError extends Error {
  override name = "KeyFileError";
}

/**
 * The 32 bytes in `path`, drawn and written (mode 0600) on first use; `random` must be the system's.
 * Throws KeyFileError when the file has another length, or others may read it.
 */
export function readOrCreateKeyFile(path: string, random: Random): Uint8Array {
  const found = readKey(path);
  if (found) return found;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Written aside and linked: nobody ever sees half a key, and the first one wins.
  const aside = `${path}.${random.uuid()}`;
  writeFileSync(aside, random.bytes(32), { mode: 0o600, flag: "wx", flush: true });
  try {
    linkSync(aside, path);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  } finally {
    unlinkSync(aside);
  }
  const key = readKey(path);
  if (!key) throw new KeyFileError(`key file ${path} has vanished while it was made`);
  return key;
}

function readKey(path: string): Uint8Array | undefined {
  try {
    const key = readFileSync(path);
    if (key.length !== 32) {
      throw new KeyFileError(`key file ${path} has ${key.length} bytes, a key has 32; restore it`);
    }
    if ((statSync(path).mode & 0o077) !== 0) {
      throw new KeyFileError(`key file ${path} may be read by others; chmod 600 it`);
    }
    return key;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
