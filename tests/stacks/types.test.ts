import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "./platform.ts";

const tsc = join(root, "node_modules/.bin/tsc");

/** What the compiler says of the deployment, and of a file more. */
function check(project: string) {
  const { status, stdout } = spawnSync(tsc, ["-p", project], { cwd: root, encoding: "utf8" });
  return { status, said: stdout };
}

it("sst.config.ts and stacks/ are what SST's own types ask for", () => {
  expect(check("stacks")).toEqual({ status: 0, said: "" });
});

describe("a mistake in SST's words", () => {
  const mistakes = [
    [`new sst.aws.Function("F", { handler: "f.h", timeout: "5 fortnights" });`, "TS2322"],
    [`new sst.aws.CronV2("C", { schedule: "every minute", function: "f.h" });`, "TS2322"],
    [`new sst.aws.Dynamo("D", { fields: { a: "strin" } });`, "TS2820"],
    [`new aws.kms.Key("K", { enableKeyRotaton: true });`, "TS2561"],
  ] as const;
  let folder: string;
  let said: string;
  beforeAll(() => {
    // Beside the platform, which is ignored by git.
    folder = mkdtempSync(join(root, ".sst/types-"));
    const lines = [
      `/// <reference path="../platform/config.d.ts" />`,
      ...mistakes.map(([text]) => text),
    ];
    writeFileSync(join(folder, "mistakes.ts"), `${lines.join("\n")}\n`);
    const project = { extends: "../../stacks/tsconfig.json", include: ["mistakes.ts"] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project));
    said = check(join(folder, "tsconfig.json")).said;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(mistakes)("is one to the compiler, too: %s", (text, code) => {
    const line = mistakes.findIndex(([one]) => one === text) + 2;
    expect(said).toMatch(new RegExp(`mistakes\\.ts\\(${line},\\d+\\): error ${code}`));
  });
});
