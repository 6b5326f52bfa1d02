// Why: the Actions Service alone on a port, for any client: npm run simulator:actions-service --
// --help
import { createSystemClock } from "@runlet/runtime/clock";
import { UsageError } from "@runlet/runtime/flags";
import { untilStopped } from "@runlet/runtime/until-stopped";
import { createHttpFetch } from "@runlet/runtime/http";
import { createLog } from "@runlet/runtime/log";
import { createSeededRandom, createSystemRandom } from "@runlet/runtime/random";
import { help } from "./control-help.ts";
import { parseFlags, type Flags } from "./flags.ts";
import { createFetchDeliver } from "./fetch-deliver.ts";
import { listen } from "./listen.ts";
import { createActionsServiceSimulator } from "./simulator.ts";

const say = (line: string) => void process.stdout.write(`${line}\n`);

function fail(message: string, code: number): never {
  process.stderr.write(`simulator:actions-service: ${message}\n`);
  process.exit(code);
}

function readFlags(): Flags {
  try {
    return parseFlags(process.argv.slice(2));
  } catch (error) {
    if (error instanceof UsageError) return fail(error.message, 2);
    throw error;
  }
}

async function serve(flags: Flags) {
  const clock = createSystemClock();
  const random = flags.seed === undefined ? createSystemRandom() : createSeededRandom(flags.seed);
  const write = (line: string) => void process.stderr.write(`${line}\n`);
  const log = createLog({ write, wallMs: () => clock.wallMs() });
  const fetch = createHttpFetch({ clock });
  const deliver = createFetchDeliver({ fetch, clock });
  const pat = flags.options.pat ?? `ghp_${Buffer.from(random.bytes(18)).toString("hex")}`;
  const simulator = createActionsServiceSimulator(
    { clock, random, log, deliver },
    { ...flags.options, pat },
  );
  const server = await listen(simulator.app, flags.port).catch((error: unknown) =>
    fail(error instanceof Error ? error.message : String(error), 1),
  );
  // Whoever reads that we are ready may stop us at once.
  const stopped = untilStopped();
  if (flags.json) say(JSON.stringify({ ready: true, url: server.url, token: pat }));
  else say(`ready: ${server.url} (${flags.options.mode} mode, token ${pat}); --help shows more`);
  await stopped;
  simulator.stop();
  await server.close();
  process.exit(0);
}

const flags = readFlags();
if (flags.help) say(help);
else await serve(flags);
