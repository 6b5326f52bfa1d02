// Why: small files are an aim, not a limit; this says where we stand (npm run check prints it).
import type { SourceFile } from "./source-file.ts";

/** Lines of the code files: how many, the median, and which are long. Tests are counted apart. */
export function describeSizes(files: SourceFile[]): string {
  const sized = files
    .filter(({ path }) => /^(packages|functions|stacks)\/.+\.ts$/.test(path))
    .filter(({ path }) => !path.endsWith(".test.ts"))
    .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
    .toSorted((a, b) => a.lines - b.lines);
  const median = sized[Math.floor(sized.length / 2)]?.lines ?? 0;
  const long = sized
    .filter(({ lines }) => lines > 300)
    .map(({ path, lines }) => `${path} (${lines})`);
  const tail = long.length === 0 ? "none over 300" : `over 300: ${long.join(", ")}`;
  return `${sized.length} code files, median ${median} lines, ${tail}`;
}
