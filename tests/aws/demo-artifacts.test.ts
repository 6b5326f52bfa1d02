// Why: `npm run demo -- --artifacts` is a command with processes of others below it: it must end as the plain demo does, say
// the same on its last line, and take what it has started along when it is interrupted.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { killPrograms, newHome, startProgram } from "../demo/run-program.ts";

afterEach(killPrograms);

const args = ["demo", "--artifacts", "--jobs", "4", "--seed", "2", "--json"];

/** As the world makes one for its GitHub (packages/runlet/world/world.ts). */
const madePat = /ghp_[0-9a-f]{36}/;

/** Processes that were started with this RUNLET_HOME, by their command; only Linux tells. */
function processesOf(home: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const environment = readFileSync(join("/proc", pid, "environ"), "utf8");
        if (!environment.split("\0").includes(`RUNLET_HOME=${home}`)) return [];
        const command = readFileSync(join("/proc", pid, "cmdline"), "utf8");
        return command === "" ? [] : [command.replaceAll("\0", " ")];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
}

test("the demo on the bundles ends with 0 and the plain demo's line, and leaves no process and no secret", async () => {
  const home = newHome();
  const { code, out, err } = await startProgram("runlet", args, { home, limitMs: 110_000 }).ended;
  expect([code, err]).toEqual([0, expect.stringContaining("runlet demo: making the bundles")]);
  const report: unknown = JSON.parse(out.trimEnd().split("\n").at(-1) ?? "");
  const figure: unknown = expect.any(Number);
  const times = { p50: figure, p95: figure, p99: figure };
  expect(report).toMatchObject({
    jobs: { queued: 4, started: 4, completed: 4, lost: 0 },
    runners: { created: figure, leftover: 0 },
    sessions: { created: figure, resumed: figure, orphaned: 0, conflicts: 0 },
    latencyMs: { availableToPatch: times, queuedToStarted: times },
    handOvers: figure,
    takeOvers: 0,
    seconds: figure,
  });
  expect(processesOf(home)).toEqual([]);
  const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  );
  const texts = files.map((one) => readFileSync(join(one.parentPath, one.name), "latin1"));
  expect(texts.length).toBeGreaterThan(5);
  expect([out, err, ...texts].filter((text) => madePat.test(text))).toEqual([]);
}, 120_000);

test.each([
  ["while it starts", "starting DynamoDB Local"],
  ["while it plays", "playing: "],
])(
  "one that is interrupted %s ends with 130 within ten seconds, and its emulators with it",
  async (_when, sign) => {
    const home = newHome();
    const demo = startProgram("runlet", args, { home, limitMs: 90_000 });
    const ended = demo.ended.then(() => true);
    const soon = () => new Promise<false>((next) => setTimeout(next, 20, false));
    while (!demo.err().includes(sign)) if (await Promise.race([ended, soon()])) break;
    expect(demo.err()).toContain(sign);
    const struck = performance.now();
    demo.child.kill("SIGINT");
    const { code, err } = await demo.ended;
    expect([code, err]).toEqual([130, expect.stringContaining("stopping")]);
    expect(performance.now() - struck).toBeLessThan(10_000);
    expect(processesOf(home)).toEqual([]);
  },
  100_000,
);
