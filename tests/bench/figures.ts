// Why: a figure says nothing without the bar it is held against. Every benchmark answers in this one shape, so that a
// person's table, the JSON line and `--enforce` cannot differ.

/** One measured value. A figure without a bar is shown for its context. */
export interface Figure {
  what: string;
  value: number;
  unit: "ms" | "s" | "MB" | "per second" | "count" | "$" | "%";
  /** The value may be at most this. */
  bar?: number;
}

export interface BenchResult {
  /** The settings under which it was measured, and what differs from those of the cloud. */
  settings: string;
  /** What was varied, and how often each case was measured. */
  varied: string;
  figures: Figure[];
  /** Further fields of the JSON line. */
  json?: object;
}

export function missed({ figures }: BenchResult): Figure[] {
  return figures.filter(({ value, bar }) => bar !== undefined && !(value <= bar));
}

/** The table of one benchmark, for a person. */
export function renderResult(name: string, { settings, varied, figures }: BenchResult): string {
  const rows = figures.map(({ what, value, unit, bar }) => [
    what,
    show(value, unit),
    bar === undefined ? "" : `≤ ${show(bar, unit)}`,
    bar === undefined ? "" : value <= bar ? "met" : "MISSED",
  ]);
  const widths = [0, 1, 2, 3].map((at) =>
    Math.max(0, ...rows.map((row) => (row[at] ?? "").length)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  return [name, `  ${settings}`, `  ${varied}`, ...lines.map((line) => `  ${line}`), ""].join("\n");
}

function show(value: number, unit: Figure["unit"]): string {
  if (unit === "count") return String(value);
  if (unit === "$") return `$${value.toFixed(Math.abs(value) >= 1 ? 2 : 4)}`;
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : unit === "MB" ? 3 : 2;
  return `${value.toFixed(digits)} ${unit}`;
}
