// Why: whoever removes a cluster means to use it no more, not to lose the jobs in it. So it gets no new runner, what has a
// job finishes, and only then row and secret go. Scale sets are left alone: what is in the cluster is still its owner's.
import { parseAccessRef } from "@runlet/coordination/access-ref";
import type { ClusterRow, Registry } from "@runlet/coordination/registry";
import { KubernetesError } from "@runlet/kubernetes/client";
import { ephemeralRunnerSets, type EphemeralRunnerSet } from "@runlet/kubernetes/resources";
import { readInt, UsageError } from "@runlet/runtime/flags";
import { ask } from "./ask.ts";
import { listIn, listManaged } from "./check-cluster.ts";
import { getCluster, withCluster } from "./cluster-client.ts";
import { count } from "./count.ts";
import { explainSilence } from "./explain-silence.ts";
import type { Place } from "./place.ts";
import { textOf, type Answer, type Call, type Verb } from "./verbs.ts";

export const removeCluster: Verb = {
  takes: "NAME",
  flags: ["now", "cancel", "yes", "limit-minutes"],
  async run(call) {
    const { names, values, open } = call;
    if (values["now"] && values["cancel"])
      throw new UsageError("--now and --cancel are opposites: give one of them");
    const limitText = textOf(values, "limit-minutes");
    const limit = readInt("limit-minutes", limitText, { min: 1, max: 10_080, default: 60 });
    const place = await open();
    const registry = await place.registry();
    const { row } = await getCluster(registry, names[0]);
    if (values["cancel"]) {
      await setDraining(registry, row.name, false);
      return { text: `cluster ${row.name} is served again`, json: { cluster: row.name } };
    }
    if (values["now"]) return removeNow(call, place, row);
    const left = await drain(call, place, row, limit * 60_000);
    if (left > 0) {
      const text = `cluster ${row.name} still has ${count(left, "runner")} after ${count(limit, "minute")}, and gets no new ones. Run this again, or with --now or --cancel`;
      return { text, json: { cluster: row.name, removed: false, runners: left }, failed: true };
    }
    return forget(place, row);
  },
};

async function removeNow({ values }: Call, place: Place, row: ClusterRow): Promise<Answer> {
  const runners = await countRunners(place, row).catch(() => undefined);
  const what = runners === undefined ? "an unknown number of runners" : count(runners, "runner");
  const question = `Remove cluster ${row.name} with ${what} in it? Jobs that run go on, but nobody counts their runners any more.`;
  if (runners !== 0 && !(await ask(question, values["yes"] === true)))
    return { text: "nothing was changed", json: { removed: false }, failed: true };
  return forget(place, row);
}

/** How often the cluster is looked at while it drains. */
const lookEveryMs = 2_000;

/** Resolves to the number of runners that are left: 0, or more when `limitMs` have passed. */
async function drain(call: Call, place: Place, row: ClusterRow, limitMs: number): Promise<number> {
  const { clock } = place;
  let left = await countRunners(place, row).catch((cause: unknown) => {
    throw new Error(
      `${explainSilence(row, cause)}; its runners cannot be counted, and runlet cluster remove ${row.name} --now removes it all the same`,
    );
  });
  if (left === 0 && !row.draining) return 0;
  call.tell(
    `cluster ${row.name} has ${count(left, "runner")}: it gets no new ones, and those with a job finish`,
  );
  await setDraining(await place.registry(), row.name, true);
  const startedMs = clock.nowMs();
  while (left > 0 && clock.nowMs() - startedMs < limitMs) {
    await clock.sleep(lookEveryMs);
    // A look that fails says nothing; the next one may.
    const now = await countRunners(place, row).catch(() => left);
    if (now !== left) call.tell(`cluster ${row.name}: ${count(now, "runner")} left`);
    left = now;
  }
  return left;
}

/** Runners of the cluster's managed runner sets. */
async function countRunners(place: Place, row: ClusterRow): Promise<number> {
  return withCluster(place, row, async (client) => {
    const managed = new Set(row.namespaces ?? (await listManaged(client)));
    const sets = await listIn<EphemeralRunnerSet>(
      client,
      ephemeralRunnerSets,
      row.namespaces,
    ).catch((cause: unknown) => {
      // The kind is gone, and every runner with it. (A namespace that is gone has an empty list.)
      if (cause instanceof KubernetesError && cause.status === 404) return [];
      throw cause;
    });
    return sets
      .filter(({ metadata }) => managed.has(metadata.namespace ?? ""))
      .reduce((sum, { status }) => sum + (status?.currentReplicas ?? 0), 0);
  });
}

/** Who writes the row in between is another person with the same command: a few turns are enough. */
async function setDraining(registry: Registry, name: string, draining: boolean): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    const { row, version } = await getCluster(registry, name);
    const { draining: before = false, ...rest } = row;
    if (before === draining) return;
    const next = draining ? { ...rest, draining } : rest;
    if ((await registry.putCluster(next, version)) === "put") return;
  }
  throw new Error(`cluster ${name} is being changed by somebody else: try again`);
}

async function forget(place: Place, row: ClusterRow): Promise<Answer> {
  const registry = await place.registry();
  const { version } = await getCluster(registry, row.name);
  if ((await registry.removeCluster(row.name, version)) === "refused")
    throw new Error(`cluster ${row.name} is being changed by somebody else: try again`);
  const ref = parseAccessRef(row.accessRef);
  if (ref?.kind === "secret") await place.secrets.remove(ref.name);
  const back = ref ? "" : "; a start with its --kubeconfig registers it again";
  return {
    text: `cluster ${row.name} is removed from ${place.label}${back}; its runner sets and scale sets are left as they are`,
    json: { cluster: row.name, removed: true },
  };
}
