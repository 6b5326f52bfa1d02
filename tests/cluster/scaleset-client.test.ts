// Why: "any client can be pointed at it" is true if GitHub's own client says so: actions/scaleset,
// unmodified, with its listener, over a socket, in both modes and with both kinds of credential.
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSystemRandom } from "@runlet/runtime/random";
import type { Mode } from "@runlet/simulators/actions-service/knobs";
import { listen } from "@runlet/simulators/actions-service/listen";
import type { SimulatorOptions } from "@runlet/simulators/actions-service/simulation";
import { createActionsServiceSimulator } from "@runlet/simulators/actions-service/simulator";
import { beforeAll, expect, test } from "vitest";
import { buildScaleSetListener } from "./binaries.ts";

const run = promisify(execFile);
let listener = "";

beforeAll(async () => {
  listener = await buildScaleSetListener();
}, 600_000);

interface Seen {
  desired: number[];
  started: string[];
  completed: string[];
  conflict: string;
  busyRefused: boolean;
  existsRefused: boolean;
  notFoundAfterwards: boolean;
}

/**
 * Serves a simulator with three jobs waiting, lets the listener do them, and returns both accounts.
 */
async function serveThreeJobs(mode: Mode, options: Partial<SimulatorOptions>, flags: string[]) {
  const deps = { clock: createSystemClock(), random: createSystemRandom() };
  const knobs = { holdMs: 2_000 };
  const simulator = createActionsServiceSimulator(deps, { mode, knobs, ...options });
  const server = await listen(simulator.app, 0);
  const { control } = simulator;
  control.queueJobs({ scaleSet: "go-set", owner: "my-org", count: 3, durationMs: 500 });
  try {
    const url = `${server.url}/my-org`;
    const { stdout } = await run(listener, ["--url", url, "--jobs", "3", ...flags]);
    return { seen: JSON.parse(stdout) as Seen, text: stdout, control };
  } finally {
    simulator.stop();
    await server.close();
  }
}

function expectServed({ seen, control }: Awaited<ReturnType<typeof serveThreeJobs>>) {
  expect(seen.completed).toEqual(["succeeded", "succeeded", "succeeded"]);
  expect(new Set(seen.started).size).toBe(3);
  expect(Math.max(...seen.desired)).toBe(3);
  expect(seen.desired.at(-1)).toBe(0);
  // What the client recognises by its own error values.
  expect([seen.busyRefused, seen.existsRefused, seen.notFoundAfterwards]).toEqual([
    true,
    true,
    true,
  ]);
  expect(seen.conflict).toContain("409 Conflict");
  expect(seen.conflict).toContain("already has an active session");
  expect(control.ledger().counts).toMatchObject({ queued: 3, completed: 3, canceled: 0 });
  expect([control.sessions(), control.runners(), control.scaleSets()]).toEqual([[], [], []]);
}

test("in acquire mode GitHub's client serves three jobs with a PAT, and keeps ids of 64 bits", async () => {
  const served = await serveThreeJobs("acquire", { pat: "ghp_x" }, ["--token", "ghp_x"]);
  expectServed(served);
  expect(served.text).toContain(
    `"requestIds":[9007199254740993,9007199254740994,9007199254740995]`,
  );
  expect(served.control.requests().filter((one) => one.route === "acquireJobs")).toHaveLength(1);
});

test("in auto-assign mode GitHub's client serves three jobs as a GitHub App", async () => {
  const pair = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const dir = mkdtempSync(join(tmpdir(), "runlet-app-"));
  writeFileSync(join(dir, "key.pem"), pair.privateKey, { mode: 0o600 });
  const app = { ids: ["Iv23abc"], installationIds: [5], publicKey: pair.publicKey };
  const flags = ["--app-id", "Iv23abc", "--installation", "5", "--key", join(dir, "key.pem")];
  const served = await serveThreeJobs("auto-assign", { app }, flags);
  rmSync(dir, { recursive: true });
  expectServed(served);
  expect(served.control.requests().some((one) => one.route === "acquireJobs")).toBe(false);
});
