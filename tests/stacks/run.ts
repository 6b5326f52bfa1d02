// Why: `npm run test:stacks [-- FILTER …]` shows what a deployment would make. It gets SST's components first, which are no
// npm packages of ours.
import { spawn } from "node:child_process";
import { ensurePlatform, root } from "./platform.ts";

const help = `test:stacks: what sst.config.ts would deploy, on SST's own components, without an account

usage: npm run test:stacks [-- [--update] FILTER …]

  FILTER    run only the files whose path contains one of these texts
  --update  write tests/stacks/golden/prod.txt anew

SST's components are unpacked from its npm package into .sst/platform on first use, with packages
of their own (323 MB, half a minute, npm registry). Exit code 0 only if every test passed; 2 for a
mistake in the call.
`;

async function main(args: string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(help);
    return 0;
  }
  const flag = args.find((arg) => arg.startsWith("-") && arg !== "--update");
  if (flag !== undefined) {
    process.stderr.write(
      `test:stacks: there is no flag ${flag}; see npm run test:stacks -- --help\n`,
    );
    return 2;
  }
  await ensurePlatform(progress);
  return runVitest(args);
}

function progress(line: string): void {
  process.stderr.write(`stacks: ${line}\n`);
}

function runVitest(args: string[]): Promise<number> {
  // Vitest takes a word behind --update for its value.
  const sorted = args.toSorted((a, b) => Number(a === "--update") - Number(b === "--update"));
  const config = ["--config", "tests/stacks/vitest.config.ts"];
  const all = ["node_modules/vitest/vitest.mjs", "run", ...config, ...sorted];
  const child = spawn(process.execPath, all, { cwd: root, stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  progress(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
