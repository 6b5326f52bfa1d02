// Why: the lease on one machine is a promise between processes on a file. Four of them fight for it over
// 200 rounds; one is stopped inside a transaction, one while it holds the lease, both for longer than the
// lease; and copies of the file are taken at such moments, as a power cut would leave it.
import { copyFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { createSqliteTable } from "@runlet/coordination/sqlite-table";
import { openStateFile } from "@runlet/coordination/state-file";
import { TableBusy } from "@runlet/coordination/table";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSeededRandom } from "@runlet/runtime/random";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ledgerKey, racerSettings, racerShard, startRace, type Race } from "./race.ts";
import { expectOrder, played, racerIds, stopHolder } from "./race-rules.ts";
import { createScratchFolder } from "./scratch-folder.ts";

const rounds = 200;
const deps = { clock: createSystemClock(), random: createSeededRandom(1) };
const title =
  "four processes fight for one lease over 200 rounds, stopped and cut in the middle of it";
const noProc = process.platform !== "linux";

let folder: ReturnType<typeof createScratchFolder>;
let race: Race | undefined;
beforeEach(() => {
  folder = createScratchFolder();
});
afterEach(() => {
  race?.kill();
  folder.remove();
});

test.skipIf(noProc)(
  noProc ? `${title} (skipped: needs /proc)` : title,
  { timeout: 60_000 },
  async () => {
    const path = join(folder.path, "state.sqlite");
    const running = startRace({ sqlite: path }, racerIds);
    race = running;
    const cuts: Cut[] = [];
    const cut = () => cuts.push(cutPower(running, path, join(folder.path, `cut-${cuts.length}`)));

    await played(running, 20);
    cut();
    running.order("a", "stop-in-write");
    await running.find((line) => line.what === "stopping");
    await running.stands("a");
    cut();
    await expectLockedOut(path);
    running.wake("a");

    await played(running, 60);
    expect(await stopHolder(running, "b", "stop-before-guard")).toBe("lost");
    await played(running, 120);
    expect(await stopHolder(running, "c", "stop-after-guard")).toBe("late");
    cut();

    await played(running, rounds);
    for (const id of racerIds) running.order(id, "end");
    expect(await running.ended).toEqual([0, 0, 0, 0]);
    expectOrder(running.lines, rounds);
    for (const one of cuts) await expectConsistent(one);
  },
);

/** While a writer stands still inside its transaction others cannot write, but read as before. */
async function expectLockedOut(path: string) {
  const patient = { ...deps, busyMs: 1.5 * racerSettings.leaseMs };
  // Opening writes nothing to a file that is complete, but takes the lock to see that it is.
  await expect(openStateFile(patient, path)).rejects.toBeInstanceOf(TableBusy);
}

interface Cut {
  path: string;
  /** The last round that a process had reported, so one that was committed for sure. */
  reported: number;
}

function cutPower(running: Race, path: string, target: string): Cut {
  const reported = running.lines.reduce(
    (most, line) => (line.what === "round" ? Math.max(most, Number(line.round) || 0) : most),
    0,
  );
  running.copyAt(path, target);
  expect(statSync(target).size).toBeGreaterThan(0);
  expect(statSync(path).size).toBeGreaterThan(0);
  return { path: target, reported };
}

/** The copy opens, is whole, has what was reported; with a torn log it is an earlier state, also whole. */
async function expectConsistent(cut: Cut) {
  // Copied first: opening takes the log in.
  const torn = [0.97, 0.6, 0.3].map((part) => tearLog(cut.path, part));
  const full = await readState(cut.path);
  expect(full.round).toBeGreaterThanOrEqual(cut.reported);
  for (const path of torn) {
    expect((await readState(path)).round).toBeLessThanOrEqual(full.round);
  }
}

/** A copy of which only a part of the log has reached the disk. */
function tearLog(path: string, part: number): string {
  const torn = `${path}-torn-${part}`;
  for (const end of ["", "-wal"]) copyFileSync(path + end, torn + end);
  truncateSync(`${torn}-wal`, Math.floor(statSync(`${path}-wal`).size * part));
  return torn;
}

async function readState(path: string) {
  const file = await openStateFile(deps, path);
  try {
    const table = createSqliteTable(deps, file);
    const number = async (key: string, name: string) =>
      Number((await table.get(key))?.value[name] ?? 0);
    const drawn = await number("deployment/fence", "n");
    const leased = await number(`lease/${racerShard}`, "n");
    const played = await number(ledgerKey, "n");
    // In the order of writing: drawn, then put with the lease, then played.
    expect(drawn).toBeGreaterThanOrEqual(leased);
    expect(leased).toBeGreaterThanOrEqual(played);
    return { round: await number(ledgerKey, "round") };
  } finally {
    file.close();
  }
}
