// Why: a mistyped flag must be a clear line, not a server that does something else.
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { quote, readChoice, readFlags, readInt, UsageError } from "@runlet/runtime/flags";
import type { SimulatorOptions } from "./simulation.ts";

export interface Flags {
  help: boolean;
  json: boolean;
  port: number;
  seed: number | undefined;
  options: SimulatorOptions;
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
  help: { type: "boolean", short: "h" },
} as const;

export const flagNames = Object.keys(known);

/** Reads the command line. Throws UsageError. */
export function parseFlags(args: string[]): Flags {
  const { values } = readFlags(args, known);
  const mode = readChoice("mode", values.mode, ["acquire", "auto-assign"]);
  if (values.pat === "") throw new UsageError("--pat must not be empty");
  const holdMs = wholeNumber("hold-ms", values["hold-ms"], 600_000);
  const webhook = parseWebhook(values["webhook-url"], values["webhook-secret"]);
  const app = parseApp(values["app-id"], values["app-installation"], values["app-public-key"]);
  return {
    help: values.help ?? false,
    json: values.json ?? false,
    port: wholeNumber("port", values.port, 65_535) ?? 0,
    seed: wholeNumber("seed", values.seed, 4_294_967_295),
    options: {
      mode,
      ...(values.pat === undefined ? {} : { pat: values.pat }),
      ...(app ? { app } : {}),
      ...(webhook ? { webhook } : {}),
      knobs: holdMs === undefined ? {} : { holdMs },
    },
  };
}

function wholeNumber(flag: string, text: string | undefined, max: number): number | undefined {
  return readInt(flag, text, { min: 0, max, default: undefined });
}

function parseWebhook(url: string | undefined, secret: string | undefined) {
  if (url === undefined && secret === undefined) return undefined;
  if (!url || !secret) throw new UsageError("--webhook-url and --webhook-secret go together");
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new UsageError(`--webhook-url ${quote(url)}: give an http or https address`);
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
  const installationId = wholeNumber("app-installation", installation, Number.MAX_SAFE_INTEGER);
  return { ids: [id], installationIds: [installationId ?? 0], publicKey: readKey(file) };
}

function readKey(file: string): string {
  try {
    const pem = readFileSync(file, "utf8");
    createPublicKey(pem);
    return pem;
  } catch (cause) {
    throw new UsageError(`--app-public-key ${file}: give a file with a public key in PEM`, {
      cause,
    });
  }
}
