// Why: one scale set on two clusters, with everything real that can be: two API servers, two reconcilers, and the
// control plane as `runlet local` starts it, each under its own account. Deleting the set's parts one by one must never
// take the scale set from the cluster that still serves it (docs/decisions.md, "One scale set on many clusters").
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { autoscalingRunnerSets } from "@runlet/kubernetes/resources";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pollerAccount, systemNamespace } from "./reconciler-access.ts";
import {
  namespace,
  nothing,
  pat,
  runnerSetManifest,
  startReconcilerBed,
  type ReconcilerBed,
} from "./reconciler-bed.ts";
import { writeKubeconfig } from "./reconciler-process.ts";

const program = new URL("../../packages/runlet/main.ts", import.meta.url).pathname;
const dir = mkdtempSync(join(tmpdir(), "runlet-shared-"));
/** A sweep each minute, and what the service and two API servers take. */
const sweptMs = 100_000;

let east: ReconcilerBed;
let west: ReconcilerBed;
let control: ChildProcess;
let said = "";

async function kubeconfigFor({ plane }: ReconcilerBed): Promise<string> {
  const token = await plane.serviceAccountToken(systemNamespace, pollerAccount);
  return writeKubeconfig({ ...plane, dir, token });
}

async function startControl() {
  writeFileSync(join(dir, "pat"), `${pat}\n`, { mode: 0o600 });
  const clusters = [
    `--kubeconfig=east=${await kubeconfigFor(east)}`,
    `--kubeconfig=west=${await kubeconfigFor(west)}`,
  ];
  const flags = [`--github=${east.configUrl}=${join(dir, "pat")}`, `--state=${join(dir, "state")}`];
  control = spawn(process.execPath, [program, "local", ...clusters, ...flags], {
    env: { ...process.env, RUNLET_HOME: dir },
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [control.stdout, control.stderr])
    stream?.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-20_000)));
}

const counts = () => east.github.control.ledger().counts;
const scaleSets = () => east.github.control.scaleSets().map(({ name }) => name);
const hasFence = async (bed: ReconcilerBed) => {
  const fence = (await bed.setOf("builders"))?.metadata.annotations?.["runlet.dev/fence"];
  return fence !== undefined && fence !== "0";
};
const until: ReconcilerBed["eventually"] = (what, look, limitMs) =>
  east.eventually(what, look, limitMs).catch((error: unknown) => {
    throw new Error(`${String(error)}\nthe control plane said:\n${said}`);
  });

beforeAll(async () => {
  east = await startReconcilerBed({ poller: true, knobs: { assignWithoutSession: false } });
  west = await startReconcilerBed({ poller: true, beside: east });
  for (const bed of [east, west]) {
    const reconciler = await bed.startReconciler();
    await reconciler.until("reconciler_ready");
    const share = `runlet.dev/share: "true"`;
    bed.apply(runnerSetManifest("builders", east.configUrl, "  maxRunners: 5", share));
  }
  await startControl();
}, 300_000);

afterAll(async () => {
  control?.kill("SIGKILL");
  await west?.stop();
  await east?.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe("one scale set on two real clusters", { timeout: 200_000 }, () => {
  test("is one scale set at the service, served in both", async () => {
    await until("both to be served", async () => (await hasFence(east)) && hasFence(west), sweptMs);
    expect(scaleSets()).toEqual(["builders"]);
  });

  test("has its jobs done by both, when they are more than one of them takes", async () => {
    east.github.control.queueJobs({ scaleSet: "builders", count: 8, durationMs: 4_000 });
    await until("runners in both", async () => {
      return (await east.runners()).length > 0 && (await west.runners()).length > 0;
    });
    await until("all jobs to be done", () => counts().completed === 8, 60_000);
  });

  test("stays when its part in one cluster is deleted, and does its jobs in the other", async () => {
    await east.admin.remove(autoscalingRunnerSets, { namespace, name: "builders" });
    await until("the part to go", async () => {
      return (await east.leftovers()).runnerSets.length === 0;
    });
    expect(scaleSets()).toEqual(["builders"]);
    east.github.control.queueJobs({ scaleSet: "builders", count: 3, durationMs: 500 });
    await until("three more jobs to be done", () => counts().completed === 11, 60_000);
    expect((await east.runners()).length).toBe(0);
  });

  test("goes with its last part, and leaves nothing", async () => {
    await west.admin.remove(autoscalingRunnerSets, { namespace, name: "builders" });
    await until("the scale set to go", () => scaleSets().length === 0, sweptMs);
    await until("nothing left in the clusters", async () => {
      const left = [await east.leftovers(), await west.leftovers()];
      return left.every((one) => JSON.stringify(one) === JSON.stringify(nothing));
    });
    expect(east.github.control.sessions()).toEqual([]);
  });
});
