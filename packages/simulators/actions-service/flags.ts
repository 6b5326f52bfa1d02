// Why: a mistyped flag must be a clear line, not a server that does something else.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { SimulatorOptions } from "./simulation.ts";

export interface Flags {
  help: boolean;
  json: boolean;
  port: number;
  seed: number | undefined;
  options: SimulatorOptions;
}

/** Something on the command line cannot be used; its message is one line for the user. */
export class UsageError extends Error {
  override name = "UsageError";
}

const known = {
  port: { type: "string" },
  mode: { type: "string" },
  "hold-ms": { type: "string" },
  pat: { type: "string" },
  "app-id": { type: "string" },
  "app-installation": { type: "string" },
  "app-public-key": { type: "string" },
  "webhook-url": { type: "string" },
  "webhook-secret": { type: "string" },
  seed: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean" },
} as const;

export const flagNames = Object.keys(known);

/** Reads the command line. Throws UsageError. */
export function parseFlags(args: string[]): Flags {
  const values = parse(args);
  const mode = values.mode ?? "acquire";
  if (mode !== "acquire" && mode !== "auto-assign") {
    throw new UsageError(`--mode must be acquire or auto-assign, not ${mode}`);
  }
  if (values.pat === "") throw new UsageError("--pat must not be empty");
  const holdMs = wholeNumber("--hold-ms", values["hold-ms"], 600_000);
  const webhook = parseWebhook(values["webhook-url"], values["webhook-secret"]);
  const app = parseApp(values["app-id"], values["app-installation"], values["app-public-key"]);
  return {
    help: values.help ?? false,
    json: values.json ?? false,
    port: wholeNumber("--port", values.port, 65_535) ?? 0,
    seed: wholeNumber("--seed", values.seed, 4_294_967_295),
    options: {
      mode,
      ...(values.pat === undefined ? {} : { pat: values.pat }),
      ...(app ? { app } : {}),
      ...(webhook ? { webhook } : {}),
      knobs: holdMs === undefined ? {} : { holdMs },
    },
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: known, strict: true, allowPositionals: false }).values;
  } catch (error) {
    // Node's message has a hint in a second sentence that does not fit here.
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(message.split(/\.(?: |\n|$)/)[0] ?? message, { cause: error });
  }
}

function wholeNumber(flag: string, text: string | undefined, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > max) {
    throw new UsageError(`${flag} must be a whole number from 0 to ${max}, not "${text}"`);
  }
  return value;
}

function parseWebhook(url: string | undefined, secret: string | undefined) {
  if (url === undefined && secret === undefined) return undefined;
  if (!url || !secret) throw new UsageError("--webhook-url and --webhook-secret go together");
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new UsageError(`--webhook-url must be an http or https address, not "${url}"`);
  }
  return { url, secret };
}

function parseApp(
  id: string | undefined,
  installation: string | undefined,
  file: string | undefined,
): SimulatorOptions["app"] {
  if (id === undefined && installation === undefined && file === undefined) return undefined;
  if (!id || installation === undefined || !file) {
    throw new UsageError("--app-id, --app-installation and --app-public-key go together");
  }
  const installationId = wholeNumber("--app-installation", installation, Number.MAX_SAFE_INTEGER);
  return { ids: [id], installationIds: [installationId ?? 0], publicKey: readKey(file) };
}

function readKey(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`--app-public-key: cannot read ${file}`, { cause: error });
  }
}
