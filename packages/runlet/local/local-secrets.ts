// Why: on one machine clusters and credentials are given by flags, or registered by the command line while it runs; what is
// registered lies in a folder beside the state file. Functions and commands must find both alike.
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createCredentials, type Credentials } from "@runlet/coordination/credentials";
import { createFileSecrets } from "@runlet/coordination/file-secrets";
import type { ClusterRow } from "@runlet/coordination/registry";
import { createSecretCredentials } from "@runlet/coordination/secret-credentials";
import type { SecretStore } from "@runlet/coordination/secret-store";
import type { OpenAccess } from "@runlet/kubernetes/access";
import { openKubeconfigAccess } from "@runlet/kubernetes/kubeconfig-access";
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import { createAccessFinder } from "../compose/access-finder.ts";
import type { LocalConfig } from "./config.ts";

export interface LocalSecrets {
  secrets: SecretStore;
  /** Those of the flags go before registered ones. */
  credentials: Credentials;
  /** Undefined: neither a flag nor a registration says how. */
  accessTo(cluster: Pick<ClusterRow, "name" | "accessRef">): Promise<OpenAccess | undefined>;
}

/** `config`: what the flags said, as far as it is known. Reads files when it is asked, not before. */
export function createLocalSecrets(
  deps: { clock: Clock; random: Random; log: Log },
  config: Pick<LocalConfig, "stateFile"> & Partial<Pick<LocalConfig, "clusters" | "github">>,
): LocalSecrets {
  const { clock } = deps;
  const secrets = createFileSecrets(deps, join(dirname(config.stateFile), "secrets"));
  const given = createCredentials((config.github ?? []).map(toSecret));
  const registered = createSecretCredentials(secrets, "github");
  const findRegistered = createAccessFinder({ ...deps, secrets });
  return {
    secrets,
    credentials: {
      find: async (configUrl) => (await given.find(configUrl)) ?? registered.find(configUrl),
    },
    async accessTo(row) {
      const cluster = config.clusters?.find(({ name }) => name === row.accessRef);
      if (!cluster) return findRegistered(row);
      const { kubeconfig: file, context } = cluster;
      return openKubeconfigAccess({ clock }, { file, ...(context && { context }) });
    },
  };
}

function toSecret({ scope, file }: LocalConfig["github"][number]) {
  return { scopeUrl: scope, from: file, read: () => readFile(file, "utf8") };
}
