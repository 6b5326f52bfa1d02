// Why: "fast" and "small" are claims until a command shows them. This measures, on this machine, what the bars ask for,
// and prints each figure beside its bar.
//
//   npm run bench [-- NAME …] [--json] [--enforce] [--small]
import { fork } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { getServerCertificate } from "@runlet/simulators/kube-api/certificates";
import { benches } from "./benches.ts";
import { missed, renderResult, type BenchResult } from "./figures.ts";
import { describeMachine, renderMachine } from "./machine.ts";

const help = `bench: measure Runlet on this machine, each figure beside its bar

usage: npm run bench [-- NAME …] [--json] [--enforce] [--small]

${Object.entries(benches)
  .map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`)
  .join("\n")}

  --json      one JSON object on the last line of standard output
  --enforce   exit code 1 when a bar is missed
  --small     a few sets and rounds, to see that it runs; the figures mean nothing

Without NAME all of them, one after the other. Close what else is running: the figures are of the whole machine.
Exit code 0, 1 for a bar that is missed under --enforce or a benchmark that fails, 2 for a mistake in the call.
`;

interface Flags {
  names: string[];
  json: boolean;
  enforce: boolean;
  small: boolean;
}

function usage(message: string): never {
  process.stderr.write(`bench: ${message}; see --help\n`);
  process.exit(2);
}

function readFlags(): Flags | "help" {
  const flag = { type: "boolean", default: false } as const;
  const options = { json: flag, enforce: flag, small: flag, help: { ...flag, short: "h" } };
  const read = () => {
    try {
      return parseArgs({ allowPositionals: true, options });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      return usage(text.split(". ")[0] ?? text);
    }
  };
  const { values, positionals } = read();
  if (values.help) return "help";
  const unknown = positionals.filter((name) => !Object.hasOwn(benches, name));
  if (unknown.length > 0) {
    return usage(
      `there is no benchmark ${unknown.join(", ")} (${Object.keys(benches).join(", ")})`,
    );
  }
  if (values.small && values.enforce)
    return usage("--small measures nothing that --enforce could judge");
  const { json, enforce, small } = values;
  return {
    names: positionals.length > 0 ? positionals : Object.keys(benches),
    json,
    enforce,
    small,
  };
}

/** Runs one benchmark in a process of its own; rejects when that ends without a result. */
async function runBench(name: string, small: boolean): Promise<BenchResult> {
  const home = mkdtempSync(join(tmpdir(), "runlet-bench-"));
  try {
    const certificates = join(home, "certificates");
    mkdirSync(certificates, { mode: 0o700 });
    await getServerCertificate(certificates, Date.now());
    return await fromChild([name, home, small ? "small" : "full"], {
      ...process.env,
      // Pollers inherit both: a way to ask for their memory, and the simulators' CA.
      NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, "probe.mjs")).href}`,
      NODE_EXTRA_CA_CERTS: join(certificates, "ca.crt"),
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function fromChild(args: string[], env: NodeJS.ProcessEnv): Promise<BenchResult> {
  const child = fork(join(import.meta.dirname, "child.ts"), args, {
    env,
    stdio: ["ignore", 2, "inherit", "ipc"],
  });
  return new Promise((resolve, reject) => {
    child.on("message", (result) => resolve(result as BenchResult)); // what child.ts sends
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      reject(new Error(`bench ${args[0]} ended with ${code ?? signal} and no result`));
    });
  });
}

async function main({ names, json, enforce, small }: Flags): Promise<number> {
  const machine = describeMachine();
  const write = (text: string) => void process.stdout.write(`${text}\n`);
  write(renderMachine(machine));
  if (machine.load > machine.cores / 2)
    write("the machine is busy: expect figures that are too high");
  if (small) write("small run: not to be compared with the bars");
  const results: Record<string, BenchResult> = {};
  const further = {};
  const misses: string[] = [];
  for (const name of names) {
    const { json: fields, ...result } = await runBench(name, small);
    results[name] = result;
    Object.assign(further, fields);
    misses.push(...missed(result).map(({ what }) => `${name}: ${what}`));
    write(`\n${renderResult(name, result)}`);
  }
  if (json) write(JSON.stringify({ machine, small, benches: results, missed: misses, ...further }));
  return enforce && misses.length > 0 ? 1 : 0;
}

const flags = readFlags();
if (flags === "help") process.stdout.write(help);
else process.exitCode = await main(flags);
