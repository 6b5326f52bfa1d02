// Why: checks of GitHub need a scale set that nobody else uses, and must not leave it behind, whatever happens.
import { readFileSync } from "node:fs";
import { createActionsService } from "@runlet/actions-service/client";
import type { ActionsService, Outcome } from "@runlet/actions-service/service";
import { parseCredential } from "@runlet/coordination/credentials";
import { createHttpFetch } from "@runlet/runtime/http";
import type { CheckRun } from "./live-check.ts";

export const githubNeeds = {
  RUNLET_LIVE_SCOPE: "a config URL that nothing depends on, e.g. https://github.com/my-scratch-org",
  RUNLET_LIVE_CREDENTIAL_FILE:
    "a file with a token, or the JSON of a GitHub App with the three keys of ARC's config secret",
} as const;

export interface Scratch {
  service: ActionsService;
  id: number;
  name: string;
}

/** A scale set in the default group for the length of `use`. Throws with the service's own words. */
export async function withScratchScaleSet<T>(
  run: CheckRun,
  use: (scratch: Scratch) => Promise<T>,
): Promise<T> {
  const { clock, random, log } = run;
  const file = run.value("RUNLET_LIVE_CREDENTIAL_FILE");
  const scoped = parseCredential(readFileSync(file, "utf8"), file);
  const { ca, proxy } = scoped;
  const fetch = createHttpFetch({
    clock,
    ...(ca && { extraCa: [ca] }),
    ...(proxy && { proxy: { http: proxy, https: proxy } }),
  });
  const service = createActionsService({
    fetch,
    clock,
    random,
    log,
    configUrl: run.value("RUNLET_LIVE_SCOPE"),
    credential: async () => scoped.credential,
    system: { name: "runlet", version: "live", subsystem: "check" },
    limitMs: 20_000,
    pollLimitMs: 90_000,
  });
  const name = `runlet-live-${Buffer.from(random.bytes(4)).toString("hex")}`;
  const { id } = must(
    await service.createScaleSet({ name, runnerGroupId: 1, labels: [name] }),
    "creating a scale set",
  );
  run.tell(`scale set ${name} (${id}) is made`);
  try {
    return await use({ service, id, name });
  } finally {
    const removed = await service.deleteScaleSet(id);
    run.tell(
      removed.ok
        ? `scale set ${name} is deleted`
        : `scale set ${name} (${id}) IS LEFT BEHIND: ${describe(removed)}`,
    );
    fetch.close();
  }
}

/** The value, or an error with what was attempted. */
export function must<T>(outcome: Outcome<T>, attempted: string): T {
  if (outcome.ok) return outcome.value;
  throw new Error(`${attempted}: ${describe(outcome)}`);
}

/** A failure as its reason and status; a success as "ok" or its value, when that is a word. */
export function describe(outcome: Outcome<unknown>): string {
  if (!outcome.ok) {
    const { reason, status, typeName } = outcome.failure;
    return [reason, status, typeName].filter((part) => part !== undefined).join(" ");
  }
  return typeof outcome.value === "string" ? outcome.value : "ok";
}
