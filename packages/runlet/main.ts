// Why: the command line. One file a command in commands/; this only finds it, and turns what goes wrong into one
// line and an exit code: 2 for a mistake in the call, 1 for everything else.
import { readFileSync } from "node:fs";
import { describeFailure } from "@runlet/runtime/describe-failure";
import { UsageError, type Options } from "@runlet/runtime/flags";

export interface Command {
  summary: string;
  /** What its parser accepts; its help names them all. */
  options: Options;
  /** Resolves to the exit code. */
  run(args: string[]): Promise<number>;
}

const commands: Record<string, () => Promise<Command>> = {
  demo: async () => (await import("./commands/demo.ts")).demoCommand,
  start: async () => (await import("./commands/start.ts")).startCommand,
  local: async () => (await import("./commands/local.ts")).localCommand,
  cluster: async () => (await import("./commands/cluster.ts")).clusterCommand,
  status: async () => (await import("./commands/status.ts")).statusCommand,
  job: async () => (await import("./commands/job.ts")).jobCommand,
  github: async () => (await import("./commands/github.ts")).githubCommand,
};

async function main(args: string[]): Promise<number> {
  const [name, ...rest] = args;
  if (!name || ["--help", "-h", "help"].includes(name)) {
    process.stdout.write(await help());
    return name ? 0 : 2;
  }
  if (name === "--version") {
    process.stdout.write(`runlet ${readVersion()}\n`);
    return 0;
  }
  const load = commands[name];
  if (!load) throw new UsageError(`there is no command ${name}; see runlet --help`);
  return (await load()).run(rest);
}

function readVersion(): string {
  const manifest = readFileSync(new URL("./package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version; // ours
}

async function help(): Promise<string> {
  const lines = await Promise.all(
    Object.entries(commands).map(async ([name, load]) => {
      return `  ${name.padEnd(8)}${(await load()).summary}`;
    }),
  );
  return `runlet: scales GitHub Actions runner scale sets

usage: npx runlet COMMAND [--help]
       npx runlet --version

${lines.join("\n")}

Exit codes: 0, 2 for a mistake in the call, 1 for everything else.
State lives in .runlet/, or in the folder that RUNLET_HOME names.
`;
}

// Whoever reads our output may leave: `runlet demo | head`.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) =>
    process.exit(error.code === "EPIPE" ? 0 : 1),
  );
}

try {
  // What was left running on purpose (a plan's timers) ends with the process.
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const { line, code } = describeFailure(error);
  process.stderr.write(`runlet: ${line}\n`);
  // What was open already (a server, a file) ends with the process.
  process.exit(code);
}
