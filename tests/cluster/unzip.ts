// Why: kubectl and helm come in a zip file, and a fresh machine has no unzip. This reads what `zip`
// writes: stored or deflated entries of a plain archive (PKWARE APPNOTE 4.3, 4.4).
import { inflateRawSync } from "node:zlib";

const endSignature = 0x06054b50;
const entrySignature = 0x02014b50;

/** The files of a zip archive by name. Throws for what is no plain zip. */
export function unzip(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const end = findEnd(archive);
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    if (archive.readUInt32LE(at) !== entrySignature) throw new Error("broken zip: no entry here");
    const nameBytes = archive.readUInt16LE(at + 28);
    const name = archive.toString("utf8", at + 46, at + 46 + nameBytes);
    if (!name.endsWith("/")) files.set(name, readEntry(archive, at));
    at += 46 + nameBytes + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return files;
}

function findEnd(archive: Buffer): number {
  for (let at = archive.length - 22; at >= 0; at--) {
    if (archive.readUInt32LE(at) === endSignature) return at;
  }
  throw new Error("not a zip file: it has no end record");
}

function readEntry(archive: Buffer, entry: number): Buffer {
  const method = archive.readUInt16LE(entry + 10);
  const packedBytes = archive.readUInt32LE(entry + 20);
  const bytes = archive.readUInt32LE(entry + 24);
  const local = archive.readUInt32LE(entry + 42);
  const names = archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const packed = archive.subarray(local + 30 + names, local + 30 + names + packedBytes);
  if (method !== 0 && method !== 8) throw new Error(`zip method ${method} is not supported`);
  const file = method === 0 ? Buffer.from(packed) : inflateRawSync(packed);
  if (file.length !== bytes)
    throw new Error("broken zip: an entry has another length than it says");
  return file;
}
