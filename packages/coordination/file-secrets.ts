// Why: on one machine secrets are files that only their owner can read, beside the state file that refers to them.
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Random } from "@runlet/runtime/random";
import type { SecretStore } from "./secret-store.ts";

/** Secrets as files of `folder`, which is made when the first one is put. */
export function createFileSecrets(deps: { random: Random }, folder: string): SecretStore {
  const pathOf = (name: string) => join(folder, fileOf(name));
  return {
    find: (name) => absentAs(undefined, readFile(pathOf(name), "utf8")),
    async list(prefix) {
      const files = await absentAs<string[]>([], readdir(folder));
      const names = files.filter((file) => file.endsWith(ending)).map(nameOf);
      return names.filter((name) => name.startsWith(prefix)).toSorted();
    },
    async put(name, text) {
      const path = pathOf(name);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      // A reader sees the old text or the new one, never a half.
      const draft = `${path}.${deps.random.uuid()}`;
      await writeFile(draft, text, { mode: 0o600 });
      await rename(draft, path);
    },
    async remove(name) {
      return absentAs(
        "absent",
        rm(pathOf(name)).then(() => "removed" as const),
      );
    },
  };
}

const ending = ".secret";

/** One file a name, whatever characters it has: no name leads out of the folder. */
function fileOf(name: string): string {
  return `${encodeURIComponent(name)}${ending}`;
}

function nameOf(file: string): string {
  return decodeURIComponent(file.slice(0, -ending.length));
}

async function absentAs<T>(otherwise: T, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return otherwise; // node:fs throws no other
    throw error;
  }
}
