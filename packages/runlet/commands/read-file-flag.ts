// Why: several flags name a file; one that cannot be read is a mistake in the call, and says which flag and why.
import { readFileSync } from "node:fs";
import { UsageError } from "@runlet/runtime/flags";

/** The text of the file that `--flag FILE` names. Throws UsageError. */
export function readFileFlag(flag: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException; // node:fs throws nothing else
    const why =
      code === "ENOENT"
        ? "there is no such file"
        : code === "EISDIR"
          ? "that is a folder"
          : `it cannot be read (${code})`;
    throw new UsageError(`--${flag} ${file || '""'}: ${why}`, { cause });
  }
}
