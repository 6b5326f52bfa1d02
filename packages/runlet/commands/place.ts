// Why: `cluster`, `github` and `status` are the same for a deployed stage, a state file and the world that runs on this
// machine; a place is what they need of it, and opening one says which it is.
import type { Credentials, ScopeCredential } from "@runlet/coordination/credentials";
import { createRegistry, type ClusterRow, type Registry } from "@runlet/coordination/registry";
import type { SecretStore } from "@runlet/coordination/secret-store";
import { createSqliteTable } from "@runlet/coordination/sqlite-table";
import { openStateFile } from "@runlet/coordination/state-file";
import type { Table } from "@runlet/coordination/table";
import type { FetchMaker, OpenAccess } from "@runlet/kubernetes/access";
import { createSystemClock, type Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import { quote, UsageError, type Options } from "@runlet/runtime/flags";
import { createHttpFetch } from "@runlet/runtime/http";
import { createLog, type Log } from "@runlet/runtime/log";
import { createSystemRandom, type Random } from "@runlet/runtime/random";
import { readDefaultStage, readHome } from "@runlet/runtime/settings-environment";
import { createGithubFetch } from "../compose/github-fetch.ts";
import { createLocalSecrets } from "../local/local-secrets.ts";
import { findDeployment, findState } from "./find-state.ts";
import { openStage } from "./stage-place.ts";

export interface Place {
  /** For people: "stage prod", "state file …". */
  label: string;
  /** That nothing of it runs, with what to type; undefined: it runs, or that is not known (a stage's functions come and go). */
  stopped: string | undefined;
  clock: Clock;
  random: Random;
  log: Log;
  /** Opened when it is first asked for: a stage's table may not be there yet. */
  table(): Promise<Table>;
  registry(): Promise<Registry>;
  secrets: SecretStore;
  /** The full name of a secret, e.g. of `clusters/east`. */
  secretName(part: string): string;
  credentials: Credentials;
  /** Scopes whose credentials were given by flags, beside what is registered. */
  givenScopes: readonly string[];
  accessTo(cluster: Pick<ClusterRow, "name" | "accessRef">): Promise<OpenAccess | undefined>;
  /** How connections into clusters are made: past the stage's guard, through its proxy. */
  createFetch: FetchMaker;
  /** The way to GitHub with a credential. */
  fetchFor(credential: ScopeCredential): Fetch;
  /** Where GitHub sends webhooks to; undefined: not known here, or not there yet. */
  webhookUrl(): Promise<string | undefined>;
  /** The region that EKS clusters are looked for in; undefined where there is no account. */
  region: string | undefined;
  close(): void;
}

/** The ports that a place is made on. */
export interface PlaceDeps {
  clock: Clock;
  random: Random;
  log: Log;
}

export const placeOptions = {
  stage: { type: "string" },
  state: { type: "string" },
} as const satisfies Options;

export const placeHelp = `  --stage NAME    a stage that \`sst deploy\` made (default: RUNLET_STAGE), with AWS_REGION and the account's keys
                  in the environment (\`aws configure export-credentials\` prints the keys)
  --state FILE    the state file of a \`runlet local\`
                  without either: what runs or ran here, in .runlet/ (or RUNLET_HOME)`;

/** Throws UsageError when nothing is there. `create`: a state file that is named may be new. */
export async function openPlace(
  flags: { stage?: string | undefined; state?: string | undefined },
  create = false,
): Promise<Place> {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const write = (line: string) => void process.stderr.write(`${line}\n`);
  const log = createLog({ write, wallMs: clock.wallMs }, { level: "warn" });
  const deps = { clock, random, log };
  if (flags.stage !== undefined && flags.state !== undefined)
    throw new UsageError("--stage and --state name two places: give one of them");
  const stage = flags.stage ?? (flags.state === undefined ? readDefaultStage() : undefined);
  if (stage !== undefined) return openStage(deps, checkStageName(stage));
  return openState(deps, findState(readHome(), flags.state, create));
}

/** As stacks/settings.ts takes it. */
function checkStageName(name: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,29}$/.test(name)) return name;
  throw new UsageError(
    `stage ${quote(name)}: a stage's name has at most 30 small letters, digits and hyphens`,
  );
}

/** What a state file holds, with what the deployment beside it was told by flags. */
async function openState(deps: PlaceDeps, stateFile: string): Promise<Place> {
  const { config, stopped } = findDeployment(readHome(), stateFile);
  const file = await openStateFile(deps, stateFile);
  const table = createSqliteTable(deps, file);
  return {
    ...deps,
    ...createLocalSecrets(deps, config ?? { stateFile }),
    label: `state file ${stateFile}`,
    stopped,
    table: async () => table,
    registry: async () => createRegistry({ ...deps, table }),
    secretName: (part) => part,
    givenScopes: (config?.github ?? []).map(({ scope }) => scope),
    createFetch: createHttpFetch,
    fetchFor: (credential) => createGithubFetch(deps.clock, credential),
    // The way from GitHub to this machine (a tunnel, a proxy) is not ours to know.
    webhookUrl: async () => undefined,
    region: undefined,
    close: () => file.close(),
  };
}
