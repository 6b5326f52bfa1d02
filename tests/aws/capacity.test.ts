// Why: what Runlet costs on DynamoDB follows from the units of a few events; docs/aws.md states them, and this measures them
// (ReturnConsumedCapacity). A change that makes one dearer must change the page.
import { createHmac } from "node:crypto";
import type { AwsCall } from "@runlet/coordination/aws-json";
import { createCheckpoints, type Checkpoint } from "@runlet/coordination/checkpoints";
import { createCipher } from "@runlet/coordination/cipher";
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import { createLeases } from "@runlet/coordination/lease";
import { createRegistry, type ScaleSetRow } from "@runlet/coordination/registry";
import type { Table } from "@runlet/coordination/table";
import { createTimelines } from "@runlet/coordination/timelines";
import { countInLog } from "@runlet/runlet/local/count";
import { composeWebhook } from "@runlet/runlet/compose/webhook";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSilentLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { cloudSettings } from "@runlet/runtime/settings";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createMemoryDynamodb } from "../bench/cost/memory-dynamodb.ts";
import { createOwnTable, type OwnTable } from "./dynamodb.ts";

const clock = createSystemClock();
const random = createSystemRandom();
const log = createSilentLog();

interface Units {
  read: number;
  write: number;
}

let own: OwnTable;
let table: Table;
const units: Units = { read: 0, write: 0 };
/** The same calls by the bench's own count, which prices a simulated month with it. */
const counted: Units = { read: 0, write: 0 };
const mirror = createMemoryDynamodb((_, { read, write }) => {
  counted.read += read;
  counted.write += write;
});
beforeAll(async () => {
  own = await createOwnTable();
  const measured: AwsCall = async (operation, input) => {
    const answer = await own.call(operation, { ...input, ReturnConsumedCapacity: "TOTAL" });
    // What is asked for is answered (DynamoDB, "ReturnConsumedCapacity").
    const { ConsumedCapacity } = answer as { ConsumedCapacity: { CapacityUnits: number } };
    const kind = operation === "GetItem" || operation === "Query" ? "read" : "write";
    units[kind] += ConsumedCapacity.CapacityUnits;
    await mirror.call(operation, input);
    return answer;
  };
  table = createDynamodbTable(measured, own.name);
  // An emulator that has just started is slow, and what does not come in time is asked for again.
  for (let n = 0; n < 20; n++) {
    const row = { key: `warm/${n}`, version: "1", value: {} };
    await table.put(row, { absent: true });
    await table.get(row.key);
  }
});
afterAll(() => own.remove());

/** What `run` costs; the bench's count must say the same. */
async function costOf(run: () => Promise<unknown>): Promise<Units> {
  for (const sums of [units, counted]) Object.assign(sums, { read: 0, write: 0 });
  await run();
  expect(counted).toEqual(units);
  return { ...units };
}

const base = () => ({ table, clock, random, log });
const scaleSet = (n: number): ScaleSetRow => ({
  key: `github.com/my-org:${n}`,
  scopeKey: "github.com/my-org",
  configUrl: "https://github.com/my-org",
  scaleSetId: n,
  name: `linux-x64-${n}`,
  runnerGroup: "",
  labels: [`linux-x64-${n}`, "self-hosted"],
  shard: "shard-1",
  targets: ["east", "west"].map((cluster) => ({
    cluster,
    namespace: "arc-runners",
    autoscalingRunnerSet: `linux-x64-${n}`,
  })),
  shared: true,
});
const checkpoint: Checkpoint = {
  fence: "0123456789ab:42",
  scaleSetId: 7,
  // As long as github.com's are.
  session: {
    sessionId: "11111111-2222-3333-4444-555555555555",
    queueUrl: `https://broker.actions.githubusercontent.com/message?${"q".repeat(120)}`,
    queueToken: "t".repeat(1_100),
  },
  lastMessageId: 1_000,
  targets: Object.fromEntries(
    ["east", "west"].map((cluster) => [
      `${cluster}/arc-runners/linux-x64`,
      {
        runnerSet: "linux-x64-abcde",
        uid: "11111111-2222-3333-4444-555555555555",
        pair: { replicas: 3, patchId: 9 },
        sequence: 9,
        busy: 2,
      },
    ]),
  ),
};

describe("units of DynamoDB, as docs/aws.md states them", () => {
  test("a lease: 2 read and 2 write to take it, 1 write a heartbeat and to release it", async () => {
    const settings = { ...cloudSettings, heartbeatMs: 200, leaseMs: 3_000 };
    const leases = createLeases({ ...base(), installation: "a", settings });
    const { signal } = new AbortController();
    const options = { holder: "h", waitMs: 0, register: false, signal };
    const found: { lease?: { release(as: { state: "released" }): Promise<unknown> } } = {};
    const take = await costOf(async () => {
      const taken = await leases.take("shard-1", options);
      if (taken.kind === "taken") found.lease = taken.lease;
    });
    const beats = await costOf(() => clock.sleep(900));
    const release = await costOf(async () => found.lease?.release({ state: "released" }));
    expect(take).toEqual({ read: 2, write: 2 });
    // Four in 900 ms; a busy machine may have come to three.
    expect(beats.read).toBe(0);
    expect(beats.write).toBeGreaterThanOrEqual(3);
    expect(beats.write).toBeLessThanOrEqual(5);
    expect(release).toEqual({ read: 0, write: 1 });
  });
  test("a checkpoint: 3 write, 1 read to load it", async () => {
    const cipher = createCipher({ key: new Uint8Array(32), nonce: (n) => random.bytes(n) });
    const checkpoints = createCheckpoints({ ...base(), cipher });
    const put = await costOf(() => checkpoints.put("github.com/my-org:7", checkpoint, undefined));
    const load = await costOf(() => checkpoints.load("github.com/my-org:7"));
    expect({ put, load }).toEqual({ put: { read: 0, write: 3 }, load: { read: 1, write: 0 } });
  });
  test("a note in a job's timeline: 1 read and 1 write", async () => {
    const timelines = createTimelines(base());
    const job = { scopeKey: "github.com/my-org", runId: "1", jobName: "build" };
    const note = await costOf(() =>
      timelines.note(job, [{ what: "started", at: 1, by: "poller" }]),
    );
    expect(note).toEqual({ read: 1, write: 1 });
  });
  test("a webhook that wakes a shard: 6 read and 3 write; a list of 200 sets: 24 read", async () => {
    const registry = createRegistry(base());
    for (let n = 0; n < 200; n++) await registry.putScaleSet(scaleSet(n), undefined);
    const list = await costOf(() => registry.listScaleSets());
    const secret = "s".repeat(20);
    const metrics = countInLog(log);
    const invoker = { invoke: async () => {} };
    const app = composeWebhook({
      ...base(),
      metrics,
      invoker,
      webhookSecrets: async () => [secret],
    });
    const deliver = async (id: string, runId: number) => {
      const body = JSON.stringify({
        action: "queued",
        workflow_job: { id: runId, run_id: runId, name: "build", labels: ["linux-x64-7"] },
        repository: {
          name: "r",
          full_name: "my-org/r",
          html_url: "https://github.com/my-org/r",
          owner: { login: "my-org" },
        },
      });
      const signature = createHmac("sha256", secret).update(body).digest("hex");
      const headers = {
        "x-github-event": "workflow_job",
        "x-github-delivery": id,
        "x-hub-signature-256": `sha256=${signature}`,
      };
      const answer = await app.request("/webhook", { method: "POST", headers, body });
      expect(await answer.json()).toEqual({ result: "woken" });
    };
    await deliver("a", 1);
    const webhook = await costOf(() => deliver("b", 2));
    expect({ list, webhook }).toEqual({
      list: { read: 24, write: 0 },
      webhook: { read: 6, write: 3 },
    });
  });
});
