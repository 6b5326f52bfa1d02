// Why: when many jobs start at once, each message is full of JobStarted, and ARC's listener patches one runner after the
// other, at five a second once its burst is used up, before it asks for the next runner. Here a shard's set has ten such
// messages waiting, while more jobs are assigned.
import { createActionsService } from "@runlet/actions-service/client";
import { ephemeralRunners, type EphemeralRunnerSet } from "@runlet/kubernetes/resources";
import { createSilentLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { runnersNamespace } from "@runlet/runlet/world/manifests";
import {
  createRunnerClient,
  type RunnerClient,
} from "@runlet/simulators/actions-service/runner-client";
import type { BenchContext } from "./bench.ts";
import type { BenchWorld } from "./bench-world.ts";
import type { Figure } from "./figures.ts";
import { percentile } from "./percentile.ts";

const messagesCount = 10;
const entriesMax = 50;
const limitMs = 60_000;

/** One round for each of the sets, which must be idle. */
export async function measureBacklog(
  context: BenchContext,
  bench: BenchWorld,
  names: string[],
): Promise<Figure[]> {
  const times: number[] = [];
  const periods: number[] = [];
  const totals: number[] = [];
  for (const name of names) {
    const runners = await prepare(bench, name, messagesCount * entriesMax);
    const round = await playRound(bench, name, runners);
    context.say(`backlog: ${round.times.map((ms) => ms.toFixed(1)).join(", ")} ms`);
    times.push(...round.times);
    periods.push(...round.periods);
    totals.push(round.totalMs);
  }
  const what = (words: string) => `50 JobStarted a message: ${words}`;
  return [
    { what: what("delivered → PATCH, p50"), value: percentile(times, 0.5), unit: "ms" },
    { what: what("delivered → PATCH, p99"), value: percentile(times, 0.99), unit: "ms", bar: 50 },
    { what: what("message to message, p50"), value: percentile(periods, 0.5), unit: "ms" },
    { what: what("message to message, p99"), value: percentile(periods, 0.99), unit: "ms" },
    { what: what("first delivered → PATCH of the tenth"), value: Math.max(...totals), unit: "ms" },
  ];
}

/** Runners that are registered and online, each with its EphemeralRunner, and as many assigned jobs. */
async function prepare(bench: BenchWorld, name: string, count: number): Promise<RunnerClient[]> {
  const { cluster, facts, world } = bench;
  const key = bench.keyOf(name);
  let assigned = 0;
  const all = facts.until(`${count} jobs told to ${name}`, limitMs, (fact) => {
    if (fact.kind !== "message-delivered" || fact.scaleSet !== key) return false;
    assigned += fact.entries.filter(({ type }) => type === "JobAssigned").length;
    return assigned >= count;
  });
  world.service.control.queueJobs({ scaleSet: name, repository: "acme/app", count });
  await all;
  const [runnerSet] = cluster.api
    .objects("actions.github.com/v1alpha1", "EphemeralRunnerSet", runnersNamespace)
    .filter(({ metadata }) => metadata.name.startsWith(`${name}-`));
  if (!runnerSet) throw new Error(`${name} has no EphemeralRunnerSet`);
  const runners: RunnerClient[] = [];
  const scaleSetId = world.service.control.findScaleSet(name)?.id ?? 0;
  const service = createService(bench);
  for (let n = 0; n < count; n++) {
    const runnerName = `${runnerSet.metadata.name}-${n.toString(36).padStart(5, "0")}`;
    await createRunnerObject(bench, runnerSet as unknown as EphemeralRunnerSet, runnerName); // by its kind
    const jit = await service.generateJitConfig(scaleSetId, { name: runnerName, workFolder: "" });
    if (!jit.ok) throw new Error(`${runnerName}: ${jit.failure.message}`);
    const runner = createRunnerClient({ fetch: world.service.fetch }, jit.value.encoded);
    await runner.connect();
    runners.push(runner);
  }
  return runners;
}

/** The service reached in this thread: preparing must not heat the poller's sockets. */
function createService({ clock, world }: BenchWorld) {
  return createActionsService({
    fetch: world.service.fetch,
    clock,
    random: createSystemRandom(),
    log: createSilentLog(),
    configUrl: world.configUrl,
    credential: async () => ({ kind: "pat", token: world.pat }),
    system: { name: "bench", version: "0", subsystem: "runners" },
    limitMs: 10_000,
  });
}

async function createRunnerObject(
  { cluster }: BenchWorld,
  { spec }: EphemeralRunnerSet,
  name: string,
): Promise<void> {
  const { ephemeralRunnerSpec } = spec;
  if (!ephemeralRunnerSpec) throw new Error(`${name} has no spec to run with`);
  await cluster.admin.create(ephemeralRunners, {
    apiVersion: "actions.github.com/v1alpha1",
    kind: "EphemeralRunner",
    metadata: { name, namespace: runnersNamespace },
    spec: ephemeralRunnerSpec,
  });
}

interface Round {
  times: number[];
  periods: number[];
  totalMs: number;
}

/** All runners take their jobs while the service gathers; then its messages come one after the other. */
async function playRound(bench: BenchWorld, name: string, runners: RunnerClient[]): Promise<Round> {
  const { control } = bench.world.service;
  const key = bench.keyOf(name);
  const deliveredAt: number[] = [];
  const patchedAt: number[] = [];
  const ends = [
    bench.facts.listen((fact) => {
      if (fact.kind !== "message-delivered" || fact.scaleSet !== key) return;
      if (fact.entries.filter(({ type }) => type === "JobStarted").length !== entriesMax) return;
      deliveredAt.push(fact.at);
      // The tally rises from message to message, so that each PATCH asks for one runner more.
      control.queueJobs({ scaleSet: name, repository: "acme/app" });
    }),
    bench.patches.listen(({ at, runnerSet }) => {
      if (runnerSet.startsWith(`${name}-`) && patchedAt.length < deliveredAt.length)
        patchedAt.push(at);
    }),
  ];
  const enough = bench.patches.until(`${messagesCount} PATCHes`, limitMs, () => {
    return patchedAt.length >= messagesCount;
  });
  // Longer than the runners take; what was gathered by then is delivered without a pause.
  control.setKnobs({ deliveryDelayMs: 3_000 });
  const started = Promise.all(runners.map((runner) => runner.takeJob()));
  await started;
  control.setKnobs({ deliveryDelayMs: 0 });
  await enough;
  for (const end of ends) end();
  const [first = 0] = deliveredAt;
  return {
    times: patchedAt.map((at, n) => at - (deliveredAt[n] ?? 0)),
    periods: deliveredAt.slice(1).map((at, n) => at - (deliveredAt[n] ?? 0)),
    totalMs: (patchedAt.at(-1) ?? 0) - first,
  };
}
