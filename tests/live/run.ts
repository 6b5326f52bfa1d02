// Why: `npm run live -- CHECK` settles by one run, with an account of the caller's, what only a real account can show. It is
// no test: it costs, it needs permission, and it is never run by itself.
import { createSystemClock } from "@runlet/runtime/clock";
import { describeFailure } from "@runlet/runtime/describe-failure";
import { readFlags, UsageError } from "@runlet/runtime/flags";
import { createLog } from "@runlet/runtime/log";
import { redactText } from "@runlet/runtime/redact";
import { createSystemRandom } from "@runlet/runtime/random";
import { aws } from "./aws.ts";
import { eks } from "./eks.ts";
import type { CheckRun, Finding, LiveCheck } from "./live-check.ts";
import { runner } from "./runner.ts";
import { sessionLess } from "./session-less.ts";
import { session } from "./session.ts";
import { stage } from "./stage.ts";

const checks: readonly LiveCheck[] = [session, sessionLess, runner, aws, eks, stage];
const write = (line: string) => void process.stdout.write(`${line}\n`);
const tell = (line: string) => void process.stderr.write(`${redactText(line)}\n`);

async function main(args: string[]): Promise<number> {
  const options = { help: { type: "boolean", short: "h" } } as const;
  const { values, positionals } = readFlags(args, options, true);
  const [name, ...more] = positionals;
  if (name === undefined) {
    write(describeAll());
    return 0;
  }
  const check = checks.find((one) => one.name === name);
  if (!check || more.length > 0)
    throw new UsageError(`there is no check ${positionals.join(" ")}; npm run live lists them`);
  if (values.help) {
    write(describeOne(check));
    return 0;
  }
  const missing = Object.keys(check.needs).filter((variable) => !process.env[variable]);
  if (missing.length > 0)
    throw new UsageError(`${name} needs ${missing.join(", ")}; npm run live -- ${name} --help`);
  const findings = await check.run(createRun(check));
  for (const finding of findings) write(describeFinding(finding));
  return findings.every(({ verdict }) => verdict === "holds") ? 0 : 1;
}

function createRun({ needs, takes = {} }: LiveCheck): CheckRun {
  const clock = createSystemClock();
  const read = (known: object, name: string) => {
    if (name in known) return process.env[name];
    throw new Error(`${name} is read and not listed`);
  };
  return {
    clock,
    random: createSystemRandom(),
    log: createLog({ write: tell, wallMs: clock.wallMs }, { level: "warn" }),
    value: (name) => read(needs, name) ?? "",
    option: (name) => read(takes, name),
    tell,
  };
}

function describeFinding({ verdict, assumption, seen }: Finding): string {
  return redactText(`${verdict.padEnd(14)} ${assumption} (${seen})`);
}

function describeAll(): string {
  const lines = checks.map(({ name, asks }) => `  ${name.padEnd(14)}${asks}`);
  return [
    "live: what only a real account can show (docs/limits.md). Use scratch organisations, stages and clusters.",
    "",
    "usage: npm run live -- CHECK [--help]",
    "",
    ...lines,
    "",
    "Exit codes: 0 everything holds; 1 something does not, or is open; 2 a mistake in the call.",
  ].join("\n");
}

function describeOne({ name, asks, does, needs, takes = {} }: LiveCheck): string {
  const variables = (all: object) =>
    Object.entries(all).map(([variable, means]) => `  ${variable}\n      ${String(means)}`);
  return [
    `live ${name}: ${asks}`,
    "",
    ...does.map((step) => `- ${step}`),
    "",
    "needs, in the environment:",
    ...variables(needs),
    ...(Object.keys(takes).length > 0 ? ["takes:", ...variables(takes)] : []),
  ].join("\n");
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { line, code } = describeFailure(error);
  tell(`live: ${line}`);
  process.exitCode = code;
}
