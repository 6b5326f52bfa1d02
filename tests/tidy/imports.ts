// Why: the import rules need to know what a file imports, and whether only for its types.
import { lineAt, type SourceFile } from "./source-file.ts";

export interface Import {
  specifier: string;
  line: number;
  /** Gone after type stripping: `import type`, `export type`, or only `type` names in the braces. */
  typeOnly: boolean;
}

const statement =
  /\b(import|export)\s+(type\s+)?(?:([\w*\s{},$]+?)\s+from\s+)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/g;

/** Every static, dynamic and re-exporting import of a file. */
export function importsOf(file: SourceFile): Import[] {
  return [...file.code.matchAll(statement)].flatMap((match) => {
    const [, keyword, type, names, from, dynamic] = match;
    // `export const x = "…"` has no from clause.
    if (keyword === "export" && names === undefined) return [];
    // A text that only looks like one stands inside quotes, where the bare text has blanks.
    if (!/\b(import|export)\b/.test(file.bare.slice(match.index, match.index + 6))) return [];
    const specifier = from ?? dynamic ?? "";
    const typeOnly = type !== undefined || onlyTypes(names);
    return [{ specifier, line: lineAt(file.code, match.index), typeOnly }];
  });
}

function onlyTypes(names: string | undefined): boolean {
  const braces = /^\s*\{([^}]*)\}\s*$/.exec(names ?? "");
  const each = (braces?.[1] ?? "").split(",").map((name) => name.trim());
  const named = each.filter((name) => name !== "");
  return named.length > 0 && named.every((name) => name.startsWith("type "));
}

/** The npm package of a bare specifier: `@scope/name/file` → `@scope/name`. */
export function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? "");
}
