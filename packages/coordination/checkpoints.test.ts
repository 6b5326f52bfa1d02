// Why: a checkpoint carries a session over; what is lost here costs a 409 or a job.
import { expect, test } from "vitest";
import { CheckpointUnreadable, createCheckpoints, type Checkpoint } from "./checkpoints.ts";
import { createCipher } from "./cipher.ts";
import { createTableWorld } from "./testing/table-world.ts";
import { TableError } from "./table.ts";

const key = "github.com/my-org:7";
const checkpoint: Checkpoint = {
  fence: "abc:3",
  scaleSetId: 7,
  session: { sessionId: "s-1", queueUrl: "https://queue.test/q?x=1", queueToken: "canary-token" },
  lastMessageId: 41,
  unacknowledgedMessageId: 42,
  statistics: {
    totalAvailableJobs: 1,
    totalAcquiredJobs: 0,
    totalAssignedJobs: 2,
    totalRunningJobs: 1,
    totalRegisteredRunners: 3,
    totalBusyRunners: 1,
    totalIdleRunners: 2,
  },
  targets: {
    "east/arc/my-set": {
      runnerSet: "my-set-abcde",
      uid: "uid-1",
      pair: { replicas: 2, patchId: 0 },
      sequence: 2_147_483_647,
      busy: 1,
      owed: {
        pair: { replicas: 3, patchId: 1 },
        jobStarted: [
          {
            runnerName: "my-set-abcde-runner-1",
            requestId: "9007199254740993",
            jobId: "j",
            repository: "my-org/repo",
            workflowRef: "ref",
            workflowRunId: "9007199254740995",
            displayName: "build",
          },
        ],
      },
    },
  },
};

function start(seed = 1) {
  const world = createTableWorld(seed);
  return { ...world, checkpoints: createCheckpoints(world) };
}

test("a checkpoint comes back as it was put, its session sealed in the table", async () => {
  const { checkpoints, truth } = start();
  const put = await checkpoints.put(key, checkpoint, undefined);
  const stored = await checkpoints.load(key);
  expect(stored).toEqual({ checkpoint, version: put.kind === "put" && put.version });
  const row = JSON.stringify(await truth.get(`checkpoint/${key}`));
  expect(row).toContain("9007199254740993");
  for (const secret of ["canary-token", "queue.test", "s-1"]) expect(row).not.toContain(secret);
});

test("a checkpoint without a session, and a scale set without a checkpoint", async () => {
  const { checkpoints } = start();
  expect(await checkpoints.load(key)).toBeUndefined();
  const { session: _closed, ...closed } = checkpoint;
  await checkpoints.put(key, closed, undefined);
  expect((await checkpoints.load(key))?.checkpoint).toEqual(closed);
});

test("a put after a version that is no longer there is refused, with what is there now", async () => {
  const { checkpoints } = start();
  const first = await checkpoints.put(key, checkpoint, undefined);
  const newer = { ...checkpoint, fence: "abc:4", lastMessageId: 50 };
  if (first.kind !== "put") throw new Error("not put");
  expect((await checkpoints.put(key, newer, first.version)).kind).toBe("put");
  expect(await checkpoints.put(key, checkpoint, first.version)).toMatchObject({
    kind: "refused",
    current: { checkpoint: { fence: "abc:4", lastMessageId: 50 } },
  });
  expect(await checkpoints.put("github.com/my-org:8", checkpoint, "any")).toEqual({
    kind: "refused",
    current: undefined,
  });
});

test("a put whose answer is lost is a put", async () => {
  const { checkpoints, faults, inTime } = start();
  faults.repeat = 1;
  let after: string | undefined;
  for (let n = 0; n < 10; n++) {
    const put = await inTime(checkpoints.put(key, { ...checkpoint, lastMessageId: n }, after));
    if (put.kind !== "put") throw new Error("refused by its own row");
    after = put.version;
  }
  expect((await checkpoints.load(key))?.checkpoint.lastMessageId).toBe(9);
});

test("a put that nobody could confirm does not stand in the way of the next", async () => {
  const { checkpoints, faults, truth, inTime } = start();
  const first = await checkpoints.put(key, checkpoint, undefined);
  if (first.kind !== "put") throw new Error("not put");
  // It arrives, but neither its answer nor any read comes back.
  faults.loseAnswer = 1;
  const unknown = inTime(checkpoints.put(key, { ...checkpoint, lastMessageId: 42 }, first.version));
  await expect(unknown).rejects.toThrow();
  faults.loseAnswer = 0;
  expect((await truth.get(`checkpoint/${key}`))?.version).not.toBe(first.version);
  const next = await checkpoints.put(key, { ...checkpoint, lastMessageId: 43 }, first.version);
  expect(next.kind).toBe("put");
  expect((await checkpoints.load(key))?.checkpoint.lastMessageId).toBe(43);
});

test("with another key everything but the session is still there (F45)", async () => {
  const { checkpoints, ...world } = start();
  const put = await checkpoints.put(key, checkpoint, undefined);
  const rotated = createCipher({
    key: new Uint8Array(32).fill(8),
    nonce: (count) => world.random.bytes(count),
  });
  const after = createCheckpoints({ ...world, cipher: rotated });
  const error = await after.load(key).catch((caught: unknown) => caught);
  if (!(error instanceof CheckpointUnreadable)) throw new Error("it was read");
  const { session: _lost, ...rest } = checkpoint;
  expect(error).toMatchObject({ reason: "undecryptable", rest });
  expect(error.version).toBe(put.kind === "put" && put.version);
  expect(error.message).toMatch(/github\.com\/my-org:7 cannot be read: sealed with key/);
  expect((await after.put(key, rest, error.version)).kind).toBe("put");
});

test("a session copied from another scale set does not open", async () => {
  const { checkpoints, truth } = start();
  await checkpoints.put(key, checkpoint, undefined);
  const row = await truth.get(`checkpoint/${key}`);
  if (!row) throw new Error("no row");
  await truth.put({ ...row, key: "checkpoint/github.com/my-org:8" }, { absent: true });
  const loading = checkpoints.load("github.com/my-org:8");
  await expect(loading).rejects.toMatchObject({ reason: "undecryptable" });
});

test("a checkpoint of a newer Runlet is refused in one line, and left as it is", async () => {
  const { checkpoints, truth } = start();
  const row = { key: `checkpoint/${key}`, version: "1", value: { format: 2, what: "else" } };
  await truth.put(row, { absent: true });
  await expect(checkpoints.load(key)).rejects.toMatchObject({ reason: "newer", rest: undefined });
  await expect(checkpoints.load(key)).rejects.toThrow(/format 2, this Runlet knows 1; update/);
  expect(await truth.get(row.key)).toEqual(row);
});

test("fields of a newer Runlet within the format are passed over (I27)", async () => {
  const { checkpoints, truth } = start();
  await checkpoints.put(key, checkpoint, undefined);
  const row = await truth.get(`checkpoint/${key}`);
  if (!row) throw new Error("no row");
  const newer = { ...row, version: "2", value: { ...row.value, later: { field: 1 } } };
  await truth.put(newer, { version: row.version });
  expect((await checkpoints.load(key))?.checkpoint).toEqual(checkpoint);
});

test("a checkpoint that was written a year ago is still read (I27)", async () => {
  const { checkpoints, truth } = start();
  // As format 1 began: a golden row, never to be changed with the code.
  const value = {
    format: 1,
    fence: "0f1e2d3c4b5a:17",
    scaleSetId: 7,
    lastMessageId: 5,
    targets: {
      "east/arc/s": {
        runnerSet: "s-abcde",
        uid: "u",
        pair: { replicas: 1, patchId: 3 },
        sequence: 3,
        busy: 0,
      },
    },
  };
  await truth.put({ key: `checkpoint/${key}`, version: "1", value }, { absent: true });
  const { format: _format, ...expected } = value;
  expect((await checkpoints.load(key))?.checkpoint).toEqual(expected);
});

test("a checkpoint with nonsense in it is malformed, and says where", async () => {
  const { checkpoints, truth } = start();
  const value = { format: 1, fence: "a:1", scaleSetId: "seven", lastMessageId: 0, targets: {} };
  await truth.put({ key: `checkpoint/${key}`, version: "1", value }, { absent: true });
  await expect(checkpoints.load(key)).rejects.toMatchObject({ reason: "malformed" });
  await expect(checkpoints.load(key)).rejects.toThrow(/scaleSetId/);
});

test("a checkpoint that is too large is refused before anything is written (F33)", async () => {
  const { checkpoints } = start();
  const put = await checkpoints.put(key, checkpoint, undefined);
  const target = checkpoint.targets["east/arc/my-set"];
  const fact = target?.owed?.jobStarted[0];
  if (!target || !fact || put.kind !== "put") throw new Error("no target");
  const owed = { jobStarted: Array.from({ length: 5_000 }, () => fact) };
  const large = { ...checkpoint, targets: { t: { ...target, owed } } };
  await expect(checkpoints.put(key, large, put.version)).rejects.toBeInstanceOf(TableError);
  expect((await checkpoints.load(key))?.checkpoint).toEqual(checkpoint);
  expect((await checkpoints.put(key, checkpoint, put.version)).kind).toBe("put");
});

test("five hundred owed facts of the longest kind fit", async () => {
  const { checkpoints } = start();
  const fact = {
    runnerName: "r".repeat(63),
    requestId: "9".repeat(19),
    jobId: "0".repeat(36),
    repository: `${"o".repeat(39)}/${"r".repeat(100)}`,
    workflowRef: "w".repeat(160),
    workflowRunId: "9".repeat(19),
    displayName: "d".repeat(100),
  };
  const target = checkpoint.targets["east/arc/my-set"];
  if (!target) throw new Error("no target");
  const owed = { jobStarted: Array.from({ length: 500 }, () => fact) };
  const full = { ...checkpoint, targets: { t: { ...target, owed } } };
  expect((await checkpoints.put(key, full, undefined)).kind).toBe("put");
});
