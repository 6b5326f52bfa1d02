import { expect, it } from "vitest";
import type { ScaleSetRow } from "@runlet/coordination/registry";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { createShardFinder, inScope } from "./find-shards.ts";
import type { WorkflowJob } from "./workflow-job.ts";

const job: WorkflowJob = {
  action: "queued",
  id: "1",
  runId: "2",
  name: "build",
  labels: ["Linux"],
  owner: "acme",
  repository: "acme/shop",
  enterprise: undefined,
  host: "github.com",
  runnerName: undefined,
  at: undefined,
  conclusion: undefined,
};

it.each([
  ["github.com/acme", true],
  ["github.com/acme/shop", true],
  ["github.com/acme/other", false],
  ["github.com/other", false],
  ["ghes.corp/acme", false],
  ["github.com/enterprises/big", true],
])("a job of acme/shop is in the scope %s: %s", (scopeKey, expected) => {
  expect(inScope(scopeKey, job)).toBe(expected);
});

it("a job of a named enterprise is not another enterprise's", () => {
  expect(inScope("github.com/enterprises/big", { ...job, enterprise: "small" })).toBe(false);
});

it("a thousand events in 30 s cost one read of the registry, and a failed read is not kept", async () => {
  const clock = createVirtualClock();
  let reads = 0;
  const row: ScaleSetRow = {
    key: "github.com/acme:7",
    scopeKey: "github.com/acme",
    configUrl: "https://github.com/acme",
    scaleSetId: 7,
    name: "linux",
    runnerGroup: "",
    labels: ["linux"],
    shard: "shard-0",
    targets: [],
    shared: false,
  };
  const listScaleSets = async () => {
    reads++;
    if (reads === 1) throw new Error("throttled");
    return [{ row, version: "1" }];
  };
  const find = createShardFinder({
    clock,
    registry: { listScaleSets } as Parameters<typeof createShardFinder>[0]["registry"], // all it calls
  });
  await expect(find(job)).rejects.toThrow("throttled");
  const expected = [{ shard: "shard-0", scaleSetKey: "github.com/acme:7" }];
  for (let n = 0; n < 1_000; n++) expect(await find(job)).toEqual(expected);
  expect(reads).toBe(2);
  await clock.runFor(30_001);
  await find(job);
  expect(reads).toBe(3);
});
