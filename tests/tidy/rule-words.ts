// Why: the repository must be understood by itself. A reference to a place or a paper that its reader
// does not have is worse than none.
import { findAll, type Finding, type SourceFile } from "./source-file.ts";

// Written in halves, so that this file passes its own rule.
const folders = ["wo" + "rk", "fa" + "rm", "ro" + "ot"];
const papers = [
  "rig" + "or",
  "cloud" + "-side",
  "field" + "-problems",
  "feature" + "-table",
  "in-cluster" + "-behaviour",
  "actions-service" + "-protocol",
];
const numbered = ["des" + "ign", "hou" + "se", "pro" + "tocol", "in-clu" + "ster", "rig" + "or"];

const words: { shape: RegExp; what: string }[] = [
  {
    shape: new RegExp(`(?<![\\w.~-])/(${folders.join("|")})/(?!\\*)`),
    what: "names a folder of the machine it was written on",
  },
  { shape: new RegExp(`\\.\\./sha${"red"}\\b`), what: "names a folder outside the repository" },
  { shape: new RegExp(`\\b(${papers.join("|")})\\.md\\b`), what: "cites a paper that is not here" },
  {
    shape: new RegExp(`\\b(${numbered.join("|")})(\\.md)?,? §?\\d+(\\.\\d+)?\\b`, "i"),
    what: "cites a section of a paper that is not here",
  },
  {
    shape: new RegExp(`\\b(des${"ign"}|hou${"se"})\\.md\\b`),
    what: "cites a paper that is not here",
  },
  {
    shape: new RegExp(`\\b(sub${"agent"}|engineer [A-H]\\b|the bri${"ef"} )`),
    what: "names its authors",
  },
  {
    shape: new RegExp(`(?<!java)\\.libr${"ary"}\\b|\\bbefore-${"stop"}\\b`),
    what: "names a private tool",
  },
];

/** No word that only its authors understand, anywhere: code, comments, text. */
export function wordRule(file: SourceFile): Finding[] {
  if (file.path === "package-lock.json") return [];
  return words.flatMap(({ shape, what }) => {
    return findAll(file, file.text, shape, ([word]) => `${what}: ${JSON.stringify(word)}`);
  });
}

/** Invariants and faults that are cited must stand in tests/README.md. */
export function citationRule(file: SourceFile, readme: string): Finding[] {
  if (!/\.(ts|md)$/.test(file.path)) return [];
  const known = new Set([...readme.matchAll(/^\| ([IF]\d+) \|/gm)].map(([, number]) => number));
  const cited = findAll(
    file,
    file.text,
    /\b(?:[Ii]nvariants?|[Ff]aults?) ([IF]\d+)\b/,
    ([, n]) => n ?? "",
  );
  return cited
    .filter(({ what }) => !known.has(what))
    .map((one) => ({ ...one, what: `cites ${one.what}, which tests/README.md does not list` }));
}
