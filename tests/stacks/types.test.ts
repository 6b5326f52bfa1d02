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
  let folder: string;
  beforeAll(() => {
    // Beside the platform, which is ignored by git.
    folder = mkdtempSync(join(root, ".sst/types-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    [`new sst.aws.Function("F", { handler: "f.h", timeout: "5 fortnights" });`, "TS2322"],
    [`new sst.aws.CronV2("C", { schedule: "every minute", function: "f.h" });`, "TS2322"],
    [
      `new sst.aws.Dynamo("D", { fields: { a: "strin" }, primaryIndex: { hashKey: "a" } });`,
      "TS2820",
    ],
    [`new aws.kms.Key("K", { enableKeyRotaton: true });`, "TS2561"],
  ])("is one to the compiler, too: %s", (text, code) => {
    writeFileSync(
      join(folder, "mistake.ts"),
      `/// <reference path="../platform/config.d.ts" />\n${text}\n`,
    );
    const project = join(folder, "tsconfig.json");
    writeFileSync(
      project,
      JSON.stringify({ extends: "../../stacks/tsconfig.json", include: ["mistake.ts"] }),
    );
    const { status, said } = check(project);
    expect(said).toContain(`mistake.ts(2,`);
    expect(said).toContain(code);
    expect(status).not.toBe(0);
  });
});
