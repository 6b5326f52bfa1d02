import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleFunction } from "@runlet/runlet/artifacts/bundle-function";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deployOffline, type OfflineDeploy } from "./deploy-offline.ts";
import { componentOf, functionNames } from "./deployment.ts";
import { describeDeployment } from "./describe-deployment.ts";
import { synthesize } from "./synthesize.ts";

describe("the real sst deploy, up to where Pulumi would call AWS", () => {
  const stage = "try-1";
  let folder: string;
  let deploy: OfflineDeploy;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "runlet-sst-"));
    deploy = await deployOffline(stage, folder);
  }, 180_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("registers what these tests look at", async () => {
    const synthesized = describeDeployment(await synthesize({ stage }));
    expect(describeDeployment(deploy.deployment)).toBe(synthesized);
  });
  it.each(functionNames)("makes the bundle of the %s that is tested and measured", async (name) => {
    const made = deploy.bundleOf(componentOf(name));
    const { bytes } = await bundleFunction(name, folder);
    // SST brings an esbuild of its own, whose short names need not be ours.
    expect(Math.abs(made.length - bytes) / bytes).toBeLessThan(0.01);
  });
});
