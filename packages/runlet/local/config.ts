// Why: a one-machine deployment is described by one file that the command writes and every function's process
// reads. It names other files and holds no secret itself.
import { readFileSync } from "node:fs";
import * as z from "zod";
import { cloudSettings, demoSettings, type Settings } from "@runlet/runtime/settings";
import { webhookShape } from "../compose/webhook-sources.ts";

const config = z.object({
  profile: z.enum(["cloud", "demo"]),
  /** Milliseconds after which a quiet shard rests; overrides the profile's. */
  restAfterMs: z.number().int().positive().optional(),
  stateFile: z.string(),
  /** The data key (created on first use, mode 0600). */
  keyFile: z.string(),
  /** The Invoke API of the function host. */
  invokeUrl: z.string(),
  clusters: z.array(
    z.object({
      name: z.string(),
      kubeconfig: z.string(),
      context: z.string().optional(),
    }),
  ),
  /** Config scope URL → file with a PAT, or JSON with the four names of ARC's secret. */
  github: z.array(z.object({ scope: z.string(), file: z.string() })),
  webhookSecretFiles: z.array(z.string()),
  /** Webhooks whose failed deliveries are asked for: an organisation's or repository's by its id, an App's own without. */
  webhooks: z.array(webhookShape).optional(),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("info"),
});

export type LocalConfig = z.infer<typeof config>;

/** Reads and checks the file; throws with the field that is wrong. */
export function readLocalConfig(path: string): LocalConfig {
  const read = config.safeParse(JSON.parse(readFileSync(path, "utf8")));
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  throw new Error(`${path}: ${issue?.path.join(".")}: ${issue?.message}`);
}

export function settingsOf(local: LocalConfig): Settings {
  const profile = local.profile === "demo" ? demoSettings : cloudSettings;
  return local.restAfterMs === undefined ? profile : { ...profile, restAfterMs: local.restAfterMs };
}
