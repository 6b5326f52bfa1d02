// Why: the composition roots of the cloud are code that nothing else runs, and a bundle can lack what the sources have. This
// is a stage as a deployment leaves it behind, on one machine: the three bundles in the function host, told what stacks/
// tells them, with DynamoDB Local, moto, the function host's Invoke API and simulators of EKS and STS for AWS.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Table } from "@runlet/coordination/table";
import type { Clock } from "@runlet/runtime/clock";
import type { Random } from "@runlet/runtime/random";
import { listen } from "@runlet/simulators/actions-service/listen";
import { createEksSimulator, type EksSimulator } from "@runlet/simulators/eks/eks";
import type { User } from "@runlet/simulators/kube-api/authentication";
import { startDeployment } from "../local/deployment.ts";
import { createFunctionHandles, type ProcessFunctions } from "../world/functions-in-processes.ts";
import type { SocketTransport } from "../world/transport-sockets.ts";
import type { FunctionParts } from "../world/world.ts";
import { bundleFunction, functionNames } from "./bundle-function.ts";
import { connectAccount, type EmulatedAccount } from "./emulated-account.ts";
import type { EmulatorPlaces } from "./emulators.ts";
import { functionKeys, roleArn } from "./function-roles.ts";
import { registerInStage } from "./register-in-stage.ts";
import { stageEnvironment } from "./stage-environment.ts";

export interface ArtifactStageOptions extends EmulatorPlaces {
  /** The deployment's name, e.g. demo. */
  stage: string;
  /** Holds the bundles, and what containers share of compiled code. */
  home: string;
  webhookPort: number;
  /** May the functions reach this machine, where clusters and GitHub are simulated? */
  allowLoopback: boolean;
  /** Changes what a function is told. */
  change?: (environment: Record<string, string>) => Record<string, string>;
}

export interface ArtifactStage {
  table: Table;
  tableName: string;
  account: EmulatedAccount;
  eks: EksSimulator;
  /** Who bears a token of EKS. */
  authenticate(cluster: string, token: string): User | undefined;
  /** Registers what the world has, and starts the functions on it. */
  createFunctions(parts: FunctionParts, transport: SocketTransport): Promise<ProcessFunctions>;
  /** The functions end by their own `stop`, before this. */
  stop(): Promise<void>;
}

/** A new stage with a table, a key, and the three bundles. */
export async function openArtifactStage(
  { clock, random, say }: { clock: Clock; random: Random; say: (line: string) => void },
  options: ArtifactStageOptions,
): Promise<ArtifactStage> {
  const { stage, home, change = (environment) => environment } = options;
  say("making the bundles of the three functions");
  mkdirSync(home, { recursive: true, mode: 0o700 });
  for (const name of functionNames) await bundleFunction(name, home);
  const account = connectAccount(clock, options);
  const tableName = `runlet-${stage}-${random.uuid()}`;
  const table = await account.createTable(tableName);
  const kmsKey = await account.createKey();
  const { eks, url: eksUrl, close } = await startEks({ clock, random }, stage);
  const told = { ...options, kmsKey, tableName, eksUrl };
  return {
    table,
    tableName,
    account,
    eks,
    authenticate: (cluster, token) => eks.userOf(cluster, token),
    async createFunctions(parts, transport) {
      await registerInStage({ ...parts, account, eks }, transport, stage);
      const deployment = await startDeployment(
        { clock, random, log: parts.log, fetch: transport.fetch },
        {
          settings: parts.settings,
          webhookPort: options.webhookPort,
          onLine: parts.onLine,
          entryOf: (name) => join(home, `${name}.mjs`),
          namePrefix: `runlet-${stage}-`,
          environment: (invokeUrl, name) =>
            change(stageEnvironment(name, { ...told, invokeUrl, configUrl: parts.configUrl })),
        },
      );
      return createFunctionHandles(parts, transport, deployment);
    },
    async stop() {
      await close();
      await account.removeTable(tableName);
      account.http.close();
    },
  };
}

/** EKS and STS, where poller and sweep each have a role. */
async function startEks(deps: { clock: Clock; random: Random }, stage: string) {
  const principals = (["poller", "sweep"] as const).map((part) => ({
    arn: roleArn(stage, part),
    credentials: functionKeys[part],
  }));
  const eks = createEksSimulator(deps, { principals });
  const { url, close } = await listen(eks.app, 0);
  eks.setStsHost(new URL(url).host);
  return { eks, url, close };
}
