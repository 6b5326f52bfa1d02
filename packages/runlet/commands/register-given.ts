// Why: clusters of `runlet local` come by flags, and stay registered when it starts again; others were registered beside it
// by `runlet cluster add`. Who is reached how must not be mixed up.
import { parseAccessRef } from "@runlet/coordination/access-ref";
import type { Registry } from "@runlet/coordination/registry";
import type { LocalConfig } from "../local/config.ts";
import { describeForgotten } from "./describe-forgotten.ts";

/** Registers the clusters of the flags, and says which of earlier flags are missing. Resolves to how many there are. */
export async function registerGiven(
  deps: { registry: Pick<Registry, "listClusters" | "putCluster">; say(line: string): void },
  config: Pick<LocalConfig, "clusters" | "stateFile">,
): Promise<number> {
  const rows = (await deps.registry.listClusters()).map(({ row }) => row);
  const registered = new Set(rows.map(({ name }) => name));
  const given = config.clusters.map(({ name }) => name);
  for (const name of given) {
    if (!registered.has(name)) await deps.registry.putCluster({ name, accessRef: name }, undefined);
  }
  // What `runlet cluster add` has registered is reached by a secret beside the state file.
  const byFlag = rows.filter(({ accessRef }) => !parseAccessRef(accessRef)).map(({ name }) => name);
  for (const line of describeForgotten(byFlag, given, config.stateFile)) deps.say(line);
  return new Set([...registered, ...given]).size;
}
