// Why: DynamoDB throttles, commits and loses the answer, and forgets rows days late; what stands on the port must come
// out right all the same, between processes and over real sockets.
import { createAwsCall } from "@runlet/coordination/aws-json";
import { createDeliveries } from "@runlet/coordination/deliveries";
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import { createFenceCounter } from "@runlet/coordination/fence-counter";
import { TableBusy } from "@runlet/coordination/table";
import { createTimelines } from "@runlet/coordination/timelines";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSilentLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openDynamodbTable } from "../contract/table/open-dynamodb.ts";
import { expectOrder, played, racerIds, stopHolder } from "../contract/table/race-rules.ts";
import { startRace } from "../contract/table/race.ts";
import { createOwnTable, dynamodbUrl, type OwnTable } from "./dynamodb.ts";
import { startLossyProxy, type LossyProxy } from "./lossy-proxy.ts";

const seed = 7;
const clock = createSystemClock();
const log = createSilentLog();

let own: OwnTable;
let proxy: LossyProxy;
beforeEach(async () => {
  own = await createOwnTable();
  proxy = await startLossyProxy(dynamodbUrl(), createSeededRandom(seed));
});
afterEach(async () => {
  proxy.close();
  await own.remove();
});

/** What one writer draws from the fence counter; a draw that got no answer four times is made anew. */
async function drawFences(writer: number, count: number): Promise<number[]> {
  const { table, close } = open();
  const random = createSeededRandom(seed * 10 + writer);
  const counter = createFenceCounter({ table, clock, random, installation: "test" });
  const drawn: number[] = [];
  while (drawn.length < count) {
    const fence = await counter.draw().catch(() => undefined);
    if (fence) drawn.push(fence.n);
  }
  close();
  return drawn;
}

/** Another client of the same table, behind the proxy. */
function open() {
  return openDynamodbTable({ url: proxy.url, table: own.name });
}

describe("a table on DynamoDB behind a proxy that loses answers and throttles", () => {
  test("gives no fence twice, and a writer growing ones, whatever was lost (I4, F27)", async () => {
    Object.assign(proxy.faults, {
      loseAnswer: 0.05,
      cutAnswer: 0.03,
      loseRequest: 0.03,
      throttle: 0.05,
    });
    const draws = await Promise.all([0, 1, 2, 3].map((n) => drawFences(n, 20)));
    for (const mine of draws) expect(mine, `seed ${seed}`).toEqual(mine.toSorted((a, b) => a - b));
    const all = draws.flat();
    expect(new Set(all).size, `seed ${seed}`).toBe(all.length);
    expect((await own.table.get("deployment/fence"))?.value["n"]).toBeGreaterThanOrEqual(
      Math.max(...all),
    );
    const counts = Object.values(proxy.counts);
    for (const count of counts) expect(count, `seed ${seed}`).toBeGreaterThan(0);
  });
  test("says TableBusy when it is throttled, and nothing was written (F28)", async () => {
    const { table, close } = open();
    proxy.faults.throttle = 1;
    const put = table.put({ key: "lease/a", version: "1", value: {} }, { absent: true });
    await expect(put).rejects.toBeInstanceOf(TableBusy);
    await expect(table.list("lease/")).rejects.toBeInstanceOf(TableBusy);
    expect(await own.table.get("lease/a")).toBeUndefined();
    close();
  });
});

test("four processes fight for one lease on DynamoDB, answers lost, two of them frozen beyond it", async () => {
  Object.assign(proxy.faults, { loseAnswer: 0.02, cutAnswer: 0.01, throttle: 0.02 });
  const rounds = 60;
  const race = startRace({ dynamodb: { url: proxy.url, table: own.name } }, racerIds);
  try {
    await played(race, 20);
    expect(await stopHolder(race, "b", "stop-before-guard")).toBe("lost");
    await played(race, 40);
    expect(await stopHolder(race, "c", "stop-after-guard")).toBe("late");
    await played(race, rounds);
    for (const id of racerIds) race.order(id, "end");
    expect(await race.ended).toEqual([0, 0, 0, 0]);
    expectOrder(race.lines, rounds);
    expect(proxy.counts.loseAnswer, `seed ${seed}`).toBeGreaterThan(0);
  } finally {
    race.kill();
  }
});

describe("rows that expire", () => {
  const deps = () => ({ table: own.table, clock, random: createSeededRandom(seed), log });

  test("go by `ttl` in whole seconds, which DynamoDB takes as its time to live", async () => {
    const specification = { AttributeName: "ttl", Enabled: true };
    await own.call("UpdateTimeToLive", {
      TableName: own.name,
      TimeToLiveSpecification: specification,
    });
    const row = { key: "delivery/a", version: "1", value: {}, expiresAt: 4_102_444_800_001 };
    await own.table.put(row, { absent: true });
    const { Items } = (await own.call("Scan", { TableName: own.name })) as { Items: unknown[] };
    expect(Items).toMatchObject([{ ttl: { N: "4102444801" }, expiresAt: { N: "4102444800001" } }]);
    expect(await own.table.get("delivery/a")).toEqual(row);
  });
  test("are still there after their time, and nothing depends on it (F32)", async () => {
    const past = Date.now() - 3_600_000;
    // One source of versions for both: two writers never draw the same.
    const ports = deps();
    const deliveries = createDeliveries({
      ...ports,
      clock: { ...clock, wallMs: () => past - 4 * 86_400_000 },
    });
    expect(await deliveries.remember("a")).toBe("new");
    expect(await createDeliveries(ports).remember("a")).toBe("seen");
  });
  test("may vanish between a read and the write after it, and the note is kept (F32)", async () => {
    const timelines = createTimelines({
      ...deps(),
      table: { ...own.table, put: vanishOnce(own) },
    });
    const job = { scopeKey: "github.com/my-org", runId: "1", jobName: "build" };
    await timelines.note(job, [{ what: "first-seen", at: 1, by: "webhook" }]);
    await timelines.note(job, [{ what: "started", at: 2, by: "poller" }]);
    const [timeline] = await timelines.list(job.scopeKey, job.runId);
    expect(timeline?.notes.map(({ what }) => what)).toEqual(["started"]);
  });
});

/** The table's put, before whose second call the row is deleted, as DynamoDB's own sweep does. */
function vanishOnce({ table }: OwnTable): OwnTable["table"]["put"] {
  let calls = 0;
  return async (row, when) => {
    if (++calls === 2 && "version" in when) await table.remove(row.key, when.version);
    return table.put(row, when);
  };
}

test("a timeline is trimmed, never refused, however much is noted", async () => {
  const timelines = createTimelines({
    table: own.table,
    clock,
    random: createSeededRandom(seed),
    log,
  });
  const job = { scopeKey: "github.com/my-org", runId: "1", jobName: "x".repeat(10_000) };
  const detail = "y".repeat(100_000);
  const notes = Array.from({ length: 200 }, (_, at) => ({
    what: "started" as const,
    at,
    by: `poller-${at}`,
    detail,
  }));
  await timelines.note(job, notes);
  await timelines.note(job, [{ what: "completed", at: 1_000, by: "poller" }]);
  const [timeline] = await timelines.list(job.scopeKey, job.runId);
  expect(timeline?.notes.length).toBeGreaterThan(30);
});

test("a table that is not there is said so, with its name", async () => {
  const { call } = own;
  const put = createDynamodbTable(call, "nowhere").get("lease/a");
  await expect(put).rejects.toThrow(/^table nowhere: GetItem: ResourceNotFoundException/);
});

test("a call that is not answered ends by its own limit", async () => {
  const call = createAwsCall(
    {
      clock,
      fetch: (_url, init) =>
        new Promise((_, reject) =>
          init?.signal?.addEventListener("abort", () => reject(new Error("aborted"))),
        ),
      limitMs: 50,
    },
    { url: "http://127.0.0.1:9", target: "DynamoDB_20120810", json: "1.0" },
  );
  await expect(createDynamodbTable(call, "t").get("lease/a")).rejects.toThrow(
    "no answer within 50 ms",
  );
});
