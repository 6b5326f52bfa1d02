// Why: two promises in one process never race like processes do. This is one of the four that fight for
// one lease in one store; it writes what it did to stdout, one JSON object a line.
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { createLeases, LeaseLost, type HeldLease } from "@runlet/coordination/lease";
import { getSettled, putSettled } from "@runlet/coordination/put-settled";
import { createSqliteTable } from "@runlet/coordination/sqlite-table";
import { openStateFile, type StateFile } from "@runlet/coordination/state-file";
import type { Table } from "@runlet/coordination/table";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSilentLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { openDynamodbTable } from "./open-dynamodb.ts";
import {
  ledgerKey,
  racerSettings,
  racerShard,
  type RacerLine,
  type RacerOrder,
  type RacerTask,
} from "./race.ts";

// `as`: race.ts passes exactly this.
const task = JSON.parse(process.argv[2] ?? "") as RacerTask;
const deps = { clock: createSystemClock(), random: createSystemRandom() };

const orders: RacerOrder[] = [];
// `as`: race.ts writes nothing else.
createInterface({ input: process.stdin }).on("line", (line) => orders.push(line as RacerOrder));

/** Synchronous, so that a line is out before whatever comes next, a stop included. */
function say(line: RacerLine) {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

/** The count of all rounds, guarded by the fence: the resource that a late holder must not touch. */
async function play(table: Table, n: number): Promise<number | "late"> {
  for (;;) {
    const row = await getSettled({ ...deps, table }, ledgerKey);
    const round = Number(row?.value["round"] ?? 0) + 1;
    if (row && Number(row.value["n"]) > n) return "late";
    const next = { key: ledgerKey, version: deps.random.uuid(), value: { round, n, by: task.id } };
    const when = row ? { version: row.version } : ({ absent: true } as const);
    if ((await putSettled({ ...deps, table }, next, when)).kind === "put") return round;
  }
}

/** From here on the next write of the lease row stops this process between statement and commit. */
function stopInsideNextWrite({ database }: StateFile): () => void {
  database.function("stop_here", () => {
    say({ what: "stopping", id: task.id });
    process.kill(process.pid, "SIGSTOP");
    return 0;
  });
  database.exec(`
    CREATE TEMP TRIGGER stop AFTER INSERT ON rows WHEN NEW.key = 'lease/${racerShard}'
    BEGIN SELECT stop_here(); END`);
  return () => database.exec("DROP TRIGGER temp.stop");
}

/**
 * Stops this process while it holds the lease and no lock: once just before the guard, once just after it,
 * where only the fence can help. Says how that ended.
 */
async function holdOn(table: Table, lease: HeldLease, stop: RacerOrder) {
  const { n } = lease.fence;
  const stopHere = () => {
    say({ what: "holding", id: task.id, n });
    process.kill(process.pid, "SIGSTOP");
  };
  try {
    if (stop === "stop-before-guard") stopHere();
    await lease.guard();
    if (stop === "stop-after-guard") stopHere();
    say({ what: "woken", id: task.id, n, round: await play(table, n) });
  } catch (error) {
    if (!(error instanceof LeaseLost)) throw error;
    say({ what: "woken", id: task.id, n, round: "lost" });
  }
}

/** The table, how to stop inside its next write (a file only), and how to put it away. */
async function openStore() {
  if ("dynamodb" in task.store) {
    const { table, close } = openDynamodbTable(task.store.dynamodb);
    return { table, close, file: undefined };
  }
  const patient = { ...deps, busyMs: 30_000 };
  const file = await openStateFile(patient, task.store.sqlite);
  return { table: createSqliteTable(patient, file), close: () => file.close(), file };
}

const { table, close, file } = await openStore();
const leases = createLeases({
  ...deps,
  table,
  log: createSilentLog(),
  installation: "race",
  settings: racerSettings,
});
const signal = new AbortController().signal;
for (let order: RacerOrder | undefined; order !== "end";) {
  const waiting = { holder: task.id, waitMs: 60_000, register: true, signal };
  const result = await leases.take(racerShard, waiting);
  if (result.kind === "held") continue;
  const { lease, from } = result;
  const { n } = lease.fence;
  say({ what: "taken", id: task.id, n, from });
  await lease.guard();
  say({ what: "round", id: task.id, n, round: await play(table, n) });
  order = orders.shift();
  const forget = file && order === "stop-in-write" ? stopInsideNextWrite(file) : undefined;
  if (order?.endsWith("guard")) await holdOn(table, lease, order);
  await lease.release({ state: "released" });
  forget?.();
}
close();
process.stdin.destroy();
