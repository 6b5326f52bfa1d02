// Why: the house rules that a compiler and a linter do not know. Each is shown to hold in the repository
// and to bite on a bad example.
import { describe, expect, test } from "vitest";
import { importsOf } from "./imports.ts";
import { maskComments, maskStrings } from "./mask.ts";
import { ambientRule } from "./rule-ambient.ts";
import { importRule, manifestsOf } from "./rule-imports.ts";
import { layerRule, vendorRule } from "./rule-layers.ts";
import { pureRule } from "./rule-pure.ts";
import { shapeRule } from "./rule-shape.ts";
import { citationRule, wordRule } from "./rule-words.ts";
import { describeFindings, listSourceFiles, sourceFile, type Finding } from "./source-file.ts";

const files = listSourceFiles();
const manifests = manifestsOf(files);
const paths = new Set(files.map((file) => file.path));

const whats = (findings: Finding[]) => findings.map((finding) => finding.what);

test("tests run on Node 24, which runs the sources unbuilt", () => {
  expect(Number(process.versions.node.split(".")[0])).toBeGreaterThanOrEqual(24);
});

test("there is something to look at", () => {
  expect(files.length).toBeGreaterThan(40);
  expect(manifests.packages.size).toBeGreaterThanOrEqual(9);
});

describe("the scanner", () => {
  test("blanks comments and strings, and knows a division from a regular expression", () => {
    const text = 'a // b\n/* c\n */ "d" / e / f; g(/h"/); `i${j("k")}l`;\n';
    expect(maskComments(text)).toBe('a     \n    \n    "d" / e / f; g(/h"/); `i${j("k")}l`;\n');
    const bare = maskStrings(maskComments(text));
    expect(bare.length).toBe(text.length);
    expect(bare.replace(/\s+/g, "")).toBe("a/e/f;g();${j();");
  });

  test("finds every kind of import, and none in a text or a comment", () => {
    const text = `
      import type { A } from "./a.ts";
      import { type B, type C } from "./b.ts";
      import { type D, e } from "./d.ts";
      import f, * as g from "f";
      import "h";
      export { i } from "./i.ts";
      export const j = "k";
      const l = await import("l");
      // import "m";
      const n = 'import "o"';
    `;
    const seen = importsOf(sourceFile("a.ts", text));
    expect(seen.map((one) => `${one.specifier}${one.typeOnly ? " type" : ""}`)).toEqual([
      "./a.ts type",
      "./b.ts type",
      "./d.ts",
      "f",
      "h",
      "./i.ts",
      "l",
    ]);
  });
});

describe("imports", () => {
  const check = (path: string, text: string) => {
    return whats(importRule(sourceFile(path, text), manifests, new Set([...paths, path])));
  };

  test("hold to the package.json everywhere", () => {
    expect(describeFindings(files.flatMap((file) => importRule(file, manifests, paths)))).toEqual(
      [],
    );
  });

  test.each([
    ["an unlisted npm package", `import { Hono } from "hono";`, /does not list/],
    ["an upper layer", `import type { A } from "@runlet/control-plane/a";`, /does not list/],
    ["a sibling's files by path", `export { a } from "../domain/target.ts";`, /leaves packages/],
    ["tests' tools outside tests", `import { test } from "vitest";`, /does not list/],
    [
      "an extension across packages",
      `import { a } from "@runlet/domain/target.ts";`,
      /no such file/,
    ],
    ["a file that is not there", `import { a } from "./nothing.ts";`, /there is no file/],
  ])("%s is caught", (_what, text, message) => {
    expect(check("packages/coordination/example.ts", text)).toEqual([
      expect.stringMatching(message),
    ]);
  });

  test("an entry or a test that reaches into a package by path is caught, by name it passes", () => {
    const byPath = `import { a } from "../packages/domain/target.ts";`;
    expect(check("functions/poller.ts", byPath)).toEqual([
      expect.stringContaining("leaves functions"),
    ]);
    expect(check("functions/poller.ts", `import "vitest";`).length).toBe(1);
    const byName = `import { a } from "@runlet/domain/target"; import "#root"; import "zod";`;
    expect(check("functions/poller.ts", byName)).toEqual([]);
    expect(check("tests/stories/a.test.ts", `import "vitest"; import "yaml";`)).toEqual([]);
  });

  test("what is listed, a neighbour, node's own, and a test's tools in a test pass", () => {
    const good = `import { z } from "zod"; import "./table.ts"; import "node:fs";`;
    expect(check("packages/coordination/example.ts", good)).toEqual([]);
    expect(check("packages/coordination/example.test.ts", `import "vitest";`)).toEqual([]);
  });
});

describe("layers", () => {
  const check = (folder: string, listed: string[]) => {
    return whats(
      layerRule({ packages: new Map([[folder, new Set(listed)]]), forTests: new Set() }),
    );
  };

  test("every package.json lists only what is below", () => {
    expect(describeFindings(layerRule(manifests))).toEqual([]);
  });

  test("a sibling, an upper layer, itself and an unknown package are caught", () => {
    const bad = ["control-plane", "simulators", "runlet", "reconciler", "new"];
    const found = check(
      "packages/control-plane",
      bad.map((name) => `@runlet/${name}`),
    );
    expect(found.length).toBe(bad.length);
    expect(check("packages/new", [])).toEqual([expect.stringContaining("no layer")]);
    expect(check("packages/control-plane", ["@runlet/domain", "hono"])).toEqual([]);
  });
});

describe("vendors' SDKs", () => {
  const check = (path: string, text: string) => whats(vendorRule(sourceFile(path, text)));

  test("stay in their adapters", () => {
    expect(describeFindings(files.flatMap(vendorRule))).toEqual([]);
  });

  test.each([
    ["packages/control-plane/sweep/a.ts", `import { X } from "@aws-sdk/client-dynamodb";`],
    ["packages/reconciler/a.ts", `import { KubeConfig } from "@kubernetes/client-node";`],
    ["packages/control-plane/poller/a.ts", `import { Hono } from "hono";`],
    ["packages/runlet/world/a.ts", `import { DatabaseSync } from "node:sqlite";`],
  ])("outside one is caught: %s", (path, text) => {
    expect(check(path, text)).toEqual([expect.stringContaining("outside its adapter")]);
  });

  test("their types and their adapters pass", () => {
    const types = `import type { V1Pod } from "@kubernetes/client-node";`;
    expect(check("packages/reconciler/a.ts", types)).toEqual([]);
    expect(check("packages/coordination/sqlite-table.ts", `import "node:sqlite";`)).toEqual([]);
  });
});

describe("the environment, time, chance and the console", () => {
  const check = (path: string, text: string) => whats(ambientRule(sourceFile(path, text)));

  test("are reached through runtime only", () => {
    expect(describeFindings(files.flatMap(ambientRule))).toEqual([]);
  });

  test.each([
    "process.env.HOME",
    "const { HOME } = process.env;",
    "Date.now()",
    "new Date()",
    "performance.now()",
    "setTimeout(f, 1)",
    "AbortSignal.timeout(5)",
    'import { setTimeout as sleep } from "node:timers/promises";',
    "Math.random()",
    "crypto.randomUUID()",
    "globalThis.fetch(url)",
    'console.log("x")',
  ])("%s is caught", (text) => {
    expect(check("packages/domain/a.ts", text).length).toBeGreaterThan(0);
    expect(check("functions/poller.ts", text).length).toBeGreaterThan(0);
  });

  test("each is allowed in its place, in comments and texts, and a date from a number is no clock", () => {
    expect(check("packages/runtime/clock.ts", "Date.now(); setTimeout(f, 1)")).toEqual([]);
    expect(check("packages/runtime/settings.ts", "process.env")).toEqual([]);
    expect(check("packages/runlet/commands/demo.ts", "console.log(1)")).toEqual([]);
    expect(check("packages/domain/a.ts", '// Date.now()\n"setTimeout"; new Date(5)')).toEqual([]);
    expect(check("packages/domain/a.test.ts", "Date.now()")).toEqual([]);
  });
});

describe("decisions", () => {
  const path = "packages/control-plane/poller/decide-poll.ts";
  const check = (text: string, others: [string, string][] = []) => {
    const file = sourceFile(path, text);
    const known = [...files, ...others.map(([other, code]) => sourceFile(other, code)), file];
    return whats(pureRule(file, known));
  };

  test("are pure: all of domain, and files named decide-… and plan-…", () => {
    expect(describeFindings(files.flatMap((file) => pureRule(file, files)))).toEqual([]);
  });

  test.each([
    `import { createHash } from "node:crypto";`,
    `import { createLog } from "@runlet/runtime/log";`,
    `import type { Clock } from "@runlet/runtime/clock";`,
    `import type { Log } from "@runlet/runtime/log";`,
    `import { apply } from "./not-there.ts";`,
    `export async function decide() {}`,
    `await fetch("x");`,
  ])("%s is caught", (text) => {
    expect(check(text).length).toBeGreaterThan(0);
  });

  test("a value out of a file that waits is caught, at any distance", () => {
    const near = "packages/control-plane/poller/near.ts";
    const far = "packages/control-plane/poller/far.ts";
    const text = `import { near } from "./near.ts";`;
    const waits = `export const far = async () => 1;`;
    const found = check(text, [
      [near, `import { far } from "./far.ts";`],
      [far, waits],
    ]);
    expect(found).toEqual([expect.stringContaining("near.ts, which is not pure")]);
    expect(check(text, [[near, "export const near = 1;"]])).toEqual([]);
  });

  test("types, domain, other decisions and tables of names pass", () => {
    const plan: [string, string] = ["packages/control-plane/poller/plan-rest.ts", "export {};"];
    const text = `
      import type { Row } from "@runlet/coordination/table";
      import { int32Max } from "@runlet/domain/target";
      import { annotations } from "@runlet/kubernetes/resources";
      import { planRest } from "./plan-rest.ts";
    `;
    expect(check(text, [plan])).toEqual([]);
  });
});

describe("shape", () => {
  const check = (path: string, text: string) => whats(shapeRule(sourceFile(path, text)));

  test("no default exports, no barrels, every file says why it exists, no focused tests", () => {
    expect(describeFindings(files.flatMap(shapeRule))).toEqual([]);
  });

  test.each([
    ["packages/domain/a.ts", "// Why: x\nexport default 1;"],
    ["packages/domain/a.ts", "// Why: x\nexport { a as default };"],
    ["packages/domain/index.ts", "// Why: x\nexport {};"],
    ["packages/domain/a.ts", "export const a = 1;"],
    ["packages/domain/a.test.ts", "// Why: x\ntest." + 'only("x", f);'],
    ["packages/domain/a.test.ts", "// Why: x\ndescribe." + 'skip("x", f);'],
  ])("%s with %j is caught", (path, text) => {
    expect(check(path, text).length).toBe(1);
  });

  test("a config file exports its default, as its tool asks", () => {
    expect(check("vitest.config.ts", "export default 1;")).toEqual([]);
  });
});

describe("words", () => {
  const check = (text: string) => whats(wordRule(sourceFile("docs/a.md", text)));

  test("none that only the authors understand", () => {
    expect(describeFindings(files.flatMap(wordRule))).toEqual([]);
  });

  test.each([
    "see /wo" + "rk/x",
    "../sha" + "red/x",
    "rig" + "or.md",
    "as des" + "ign 3.4 says",
    "(hou" + "se.md)",
    "asked of a sub" + "agent",
    "in .libr" + "ary",
  ])("%j is caught", (text) => {
    expect(check(text).length).toBeGreaterThan(0);
  });

  test("invariants and faults that are cited are listed in tests/README.md", () => {
    const readme = files.find(({ path: one }) => one === "tests/README.md")?.text ?? "";
    const all = files.flatMap((file) => citationRule(file, readme));
    expect(describeFindings(all)).toEqual([]);
    const cites = (text: string) => citationRule(sourceFile("packages/domain/a.ts", text), readme);
    expect(cites("// Fault F2, invariant I1").length).toBe(0);
    expect(cites("// Fault F" + "99").length).toBe(1);
  });

  test("ordinary words pass", () => {
    expect(check("the runner's _work folder; a design of 2 parts; protocol versions")).toEqual([]);
  });
});
