// Why: more jobs for the world that `npm start` left running, through the same control API that anybody can use.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createSystemClock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import { createHttpFetch } from "@runlet/runtime/http";
import { readHome } from "@runlet/runtime/settings-environment";
import { isClaimed } from "../local/claim-folder.ts";
import type { Command } from "../main.ts";
import { readFlags, readInt, UsageError, type Options } from "@runlet/runtime/flags";

const help = `runlet demo queue: queue jobs in the world that \`npm start\` runs

usage: npx runlet demo queue --scale-set NAME [--jobs N] [--duration-ms N]

  --scale-set NAME   the scale set they ask for
  --jobs N           how many (default 1)
  --duration-ms N    how long each takes (default 1000)

Exit code 0 when they are queued, 2 for a mistake in the call, 1 when no world runs or it has no such scale set.
`;

const options = {
  "scale-set": { type: "string" },
  jobs: { type: "string" },
  "duration-ms": { type: "string" },
  help: { type: "boolean", short: "h" },
} as const satisfies Options;

export const queueCommand: Command = {
  summary: "queue jobs in the running world",
  options,
  async run(args) {
    const { values } = readFlags(args, options);
    if (values.help) {
      process.stdout.write(help);
      return 0;
    }
    const scaleSet = values["scale-set"];
    if (!scaleSet) throw new UsageError("--scale-set is missing: give the scale set's name");
    const count = readInt("jobs", values.jobs, { min: 1, max: 10_000, default: 1 });
    const durationMs = readInt("duration-ms", values["duration-ms"], {
      min: 1,
      max: 3_600_000,
      default: 1_000,
    });
    return queue(readWorldUrl(), { scaleSet, count, durationMs });
  },
};

/** Where the running world's service is; written by `start`, and left behind by one that was killed. */
function readWorldUrl(): string {
  const home = readHome();
  const path = join(home, "world.json");
  if (existsSync(path) && !isClaimed(join(home, "start"))) {
    throw new Error(
      `no world runs here (${path} is what a killed one has left): npm start begins one`,
    );
  }
  try {
    const { service } = JSON.parse(readFileSync(path, "utf8")) as { service: string }; // start writes it
    return service;
  } catch {
    throw new Error(`no world runs here (${path} cannot be read): start one with npm start`);
  }
}

async function queue(
  service: string,
  order: { scaleSet: string; count: number; durationMs: number },
): Promise<number> {
  const fetch = createHttpFetch({ clock: createSystemClock() });
  try {
    const control = `${new URL(service).origin}/_control`;
    await checkScaleSet(fetch, control, order.scaleSet);
    const answer = await fetch(`${control}/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(order),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`the world refused: ${text}`);
    process.stdout.write(`${order.count} queued for ${order.scaleSet}\n`);
    return 0;
  } finally {
    fetch.close();
  }
}

/** A mistyped name would leave the jobs waiting for ever. */
async function checkScaleSet(fetch: Fetch, control: string, name: string): Promise<void> {
  const answer = await fetch(`${control}/ledger`).catch((error: unknown) => {
    throw new Error("no world runs here any more: start one with npm start", { cause: error });
  });
  const { scaleSets } = JSON.parse(await answer.text()) as { scaleSets: { name: string }[] }; // the control API's ledger
  const names = scaleSets.map((set) => set.name);
  if (names.includes(name)) return;
  throw new Error(`there is no scale set ${name}; there are ${names.join(", ")}`);
}
