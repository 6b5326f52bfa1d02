// Why: the commands are tested as their users meet them: as programs with arguments, two streams and an exit code.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

export interface Program {
  child: ChildProcess;
  out(): string;
  err(): string;
  /** Resolves with the first line of standard output that `find` accepts; rejects when it ends before. */
  line(find: (line: string) => boolean): Promise<string>;
  ended: Promise<Ended>;
}

export const programs = {
  runlet: "packages/runlet/main.ts",
  service: "packages/simulators/actions-service/serve.ts",
  kube: "packages/simulators/kube-api/serve.ts",
  reconciler: "packages/reconciler/main.ts",
  seeds: "tests/simulation/seeds.ts",
  mutants: "tests/mutants/run.ts",
  check: "tests/check.ts",
  bench: "tests/bench/run.ts",
  features: "tests/features/run.ts",
  "test:cluster": "tests/cluster/run.ts",
  "test:aws": "tests/aws/run.ts",
  "test:stacks": "tests/stacks/run.ts",
  live: "tests/live/run.ts",
  npx: "packages/runlet/bin.mjs",
} as const;

export type ProgramName = keyof typeof programs;

const open = new Set<ChildProcess>();

/** Starts it with state in `home`, killed after `limitMs`: a program that hangs is a failure with its output. */
export function startProgram(
  name: ProgramName,
  args: readonly string[],
  { home = newHome(), limitMs = 30_000 } = {},
): Program {
  const flags = ["--disable-warning=ExperimentalWarning", join(root, programs[name])];
  return follow(
    spawn(process.execPath, [...flags, ...args], {
      cwd: home,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, RUNLET_HOME: home },
    }),
    limitMs,
  );
}

/** Collects what a child says. */
export function follow(child: ChildProcess, limitMs: number): Program {
  open.add(child);
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
  let [out, err] = ["", ""];
  const watchers = new Set<() => void>();
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    for (const look of watchers) look();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (err += text));
  const ended = new Promise<Ended>((done) => {
    child.once("close", (code) => {
      clearTimeout(timer);
      open.delete(child);
      done({ code, out, err });
    });
  });
  return {
    child,
    out: () => out,
    err: () => err,
    line: (find) =>
      new Promise((found, missed) => {
        const look = () => {
          const line = out.split("\n").slice(0, -1).find(find);
          if (line !== undefined) found(line);
        };
        watchers.add(look);
        look();
        void ended.then(() => missed(new Error(`it ended without that line:\n${out}${err}`)));
      }),
    ended,
  };
}

export function runProgram(...args: Parameters<typeof startProgram>): Promise<Ended> {
  return startProgram(...args).ended;
}

/** For afterEach: nothing that a failed test has started goes on. */
export async function killPrograms(): Promise<void> {
  for (const child of open) child.kill("SIGKILL");
}

export function newHome(): string {
  return mkdtempSync(join(tmpdir(), "runlet-test-"));
}

/** A port of the loopback interface that somebody listens at, until `free` is called. */
export async function takePort(): Promise<{ port: number; free: () => void }> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP port");
  return { port: address.port, free: () => void server.close() };
}

/** Runs `run` for every item, four at a time. */
export async function eachOf<T>(items: readonly T[], run: (item: T) => Promise<void>) {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await run(item);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}
