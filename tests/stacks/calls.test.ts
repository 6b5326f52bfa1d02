import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readBundledSources } from "./bundled-sources.ts";
import { findCalls } from "./code-calls.ts";
import { functionNames, type FunctionName } from "./deployment.ts";
import { root } from "./platform.ts";

/** The table of docs/aws.md, "What is called": calls of a function, as `service:Call`. */
function documentedCalls(name: FunctionName): string[] {
  const page = readFileSync(join(root, "docs/aws.md"), "utf8");
  const rows = /## What is called\n([\s\S]+?)\n## /.exec(page)?.[1]?.match(/^\|.*\|$/gm) ?? [];
  let service = "";
  let calls = "";
  return rows.slice(2).flatMap((row) => {
    const [first = "", second = "", by = ""] = row
      .split("|")
      .map((cell) => cell.trim())
      .slice(1);
    // An empty cell is as the one above it.
    service = first === "" ? service : first.toLowerCase().replaceAll(" ", "");
    calls = second === "" ? calls : second.replace(/ \(.*\)$/, "");
    if (by !== "all three" && !by.split(", ").includes(name)) return [];
    return calls.split(", ").map((call) => `${service}:${call}`);
  });
}

describe("what the code calls of AWS", () => {
  it.each(functionNames)(
    "stands in docs/aws.md for the %s, and nothing else does",
    async (name) => {
      const { actions } = findCalls(await readBundledSources(name));
      expect([...new Set(documentedCalls(name))].toSorted()).toEqual([...actions].toSorted());
    },
  );

  it("is read out of the adapters, and a way to AWS that is not understood is an error", () => {
    const compose = [
      `  kms: callsOf("kms", "TrentService", "1.1"),`,
      `const wrapping = createKms(ports.aws.kms, key);`,
      `const queue = signedFor("sqs");`,
    ].join("\n");
    const sources = new Map([
      ["packages/runlet/compose/aws-calls.ts", compose],
      ["a.ts", `export function createKms(call: AwsCall) { return call("Decrypt", {}); }`],
      ["b.ts", `import { SendMessageCommand } from "@aws-sdk/client-sns";`],
      ["c.ts", `export function createOther(call: AwsCall) { return call("Sign", {}); }`],
      ["d.ts", `const fetch = createAwsFetch(deps, { service: "s3", region });`],
    ]);
    const { actions, unknown } = findCalls(sources);
    expect([...actions]).toEqual(["kms:Decrypt", "sns:SendMessage"]);
    expect(unknown).toEqual(["c.ts", "d.ts", "packages/runlet/compose/aws-calls.ts (sqs)"]);
  });
});
