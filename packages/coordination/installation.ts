// Why: two deployments that serve one cluster by mistake must refuse each other instead of comparing
// numbers of two counters; so every fence carries the name of the deployment that drew it.
import * as z from "zod";
import { keys } from "./keys.ts";
import { getSettled, putSettled, type SettleDeps } from "./put-settled.ts";
import { TableError } from "./table.ts";

const installationRow = z.object({ name: z.string().regex(/^[A-Za-z0-9-]{1,40}$/) });

/** The deployment's name: twelve hex digits, drawn once and kept beside the counter it belongs to. */
export async function findOrCreateInstallation(deps: SettleDeps): Promise<string> {
  const found = await getSettled(deps, keys.installation);
  if (found) return parseName(found.value);
  const name = Buffer.from(deps.random.bytes(6)).toString("hex");
  const row = { key: keys.installation, version: deps.random.uuid(), value: { name } };
  const result = await putSettled(deps, row, { absent: true });
  if (result.kind === "put" || !result.current) return name;
  return parseName(result.current.value);
}

function parseName(value: unknown): string {
  const parsed = installationRow.safeParse(value);
  if (parsed.success) return parsed.data.name;
  throw new TableError(`row ${keys.installation} holds no name; restore it`);
}
