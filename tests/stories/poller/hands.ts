// Why: stories of the poller need somebody below it who keeps to the pair rule and runs jobs, small enough to see
// through: no pods, no retries. It follows ARC's EphemeralRunnerSet controller (a number it has not acted on may
// create, 0 converges and may remove idle ones) and plays each runner itself.
import type { ActionsService } from "@runlet/actions-service/service";
import { KubernetesError, type KubernetesClient } from "@runlet/kubernetes/client";
import {
  ephemeralRunners,
  ephemeralRunnerSets,
  type EphemeralRunner,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { createWatchedKind } from "@runlet/kubernetes/watch";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import { createRunnerClient } from "@runlet/simulators/actions-service/runner-client";

export interface HandsDeps {
  clock: Clock;
  random: Random;
  log: Log;
  client: KubernetesClient;
  service: ActionsService;
  fetch: Fetch;
  /** From the order to a runner that is online. */
  bootMs: number;
}

export interface Hands {
  /** The process of a runner ends without a word, and its EphemeralRunner with it. */
  kill(runnerName: string): void;
  runners(): { name: string; state: "booting" | "idle" | "busy"; runnerSet: string }[];
  /** No runner starts from now on; the orders pile up. */
  refuse(refused: boolean): void;
}

interface Hand {
  name: string;
  state: "booting" | "idle" | "busy";
  runnerId: number;
  stop: AbortController;
}

/** Serves every EphemeralRunnerSet of the cluster until `signal` aborts. */
export function startHands(deps: HandsDeps, signal: AbortSignal): Hands {
  const { clock, client } = deps;
  const sets = new Map<
    string,
    { acted: number | undefined; hands: Map<string, Hand>; busy: boolean; again: boolean }
  >();
  const watched = createWatchedKind<EphemeralRunnerSet>(deps, {
    resource: ephemeralRunnerSets,
    signal,
  });
  let refusing = false;
  let count = 0;

  function stateOf({ metadata }: EphemeralRunnerSet) {
    const uid = metadata.uid ?? "";
    const state = sets.get(uid) ?? {
      acted: undefined,
      hands: new Map(),
      busy: false,
      again: false,
    };
    sets.set(uid, state);
    return state;
  }

  async function look(key: { namespace: string; name: string }): Promise<void> {
    const runnerSet = watched.find(key);
    if (!runnerSet || signal.aborted) return;
    const state = stateOf(runnerSet);
    if (state.busy) {
      state.again = true;
      return;
    }
    state.busy = true;
    try {
      await reconcile(runnerSet, state);
    } catch (error) {
      deps.log.debug("hands_failed", { error });
      clock.after(200, () => void look(key));
    } finally {
      state.busy = false;
      if (state.again) {
        state.again = false;
        void look(key);
      }
    }
  }

  async function reconcile(
    runnerSet: EphemeralRunnerSet,
    state: ReturnType<typeof stateOf>,
  ): Promise<void> {
    const { patchID, replicas = 0 } = runnerSet.spec;
    const mayAct = patchID === 0 || patchID !== state.acted;
    if (mayAct && !refusing) {
      state.acted = patchID;
      for (let missing = replicas - state.hands.size; missing > 0; missing--)
        start(runnerSet, state);
      if (patchID === 0) await removeIdle(runnerSet, state, state.hands.size - replicas);
    }
    await writeStatus(runnerSet, state);
  }

  async function removeIdle(
    runnerSet: EphemeralRunnerSet,
    state: ReturnType<typeof stateOf>,
    surplus: number,
  ): Promise<void> {
    let left = surplus;
    for (const hand of state.hands.values()) {
      if (left <= 0) return;
      if (hand.state === "busy" || hand.runnerId === 0) continue;
      const answer = await deps.service.removeRunner(hand.runnerId);
      if (!answer.ok || answer.value === "busy") continue;
      end(runnerSet, state, hand);
      left--;
    }
  }

  async function writeStatus(
    { metadata }: EphemeralRunnerSet,
    state: ReturnType<typeof stateOf>,
  ): Promise<void> {
    const all = [...state.hands.values()];
    const countOf = (which: Hand["state"]) => all.filter((hand) => hand.state === which).length;
    const status = {
      currentReplicas: all.length,
      pendingEphemeralRunners: countOf("booting"),
      runningEphemeralRunners: countOf("idle") + countOf("busy"),
      failedEphemeralRunners: 0,
      busyEphemeralRunners: countOf("busy"),
    };
    const found = watched.find(keyOf(metadata))?.status ?? {};
    const same = Object.entries(status).every(([key, value]) => Reflect.get(found, key) === value);
    if (same) return;
    const options = { subresource: "status" } as const;
    const patch = { type: "merge", body: { status } } as const;
    watched.note(
      await client.patch<EphemeralRunnerSet>(ephemeralRunnerSets, keyOf(metadata), patch, options),
    );
  }

  function start(runnerSet: EphemeralRunnerSet, state: ReturnType<typeof stateOf>): void {
    const name = `${runnerSet.metadata.name}-runner-${(count++).toString(36).padStart(5, "0")}`;
    const hand: Hand = { name, state: "booting", runnerId: 0, stop: new AbortController() };
    state.hands.set(name, hand);
    void run(runnerSet, state, hand).catch((error: unknown) => {
      if (!hand.stop.signal.aborted) deps.log.debug("hand_failed", { name, error });
      // With a pause: 0 makes a new one at once, and its API server may be away.
      clock.after(500, () => end(runnerSet, state, hand));
    });
  }

  async function run(
    runnerSet: EphemeralRunnerSet,
    state: ReturnType<typeof stateOf>,
    hand: Hand,
  ): Promise<void> {
    const stop = AbortSignal.any([hand.stop.signal, signal]);
    const { namespace = "" } = runnerSet.metadata;
    await client.create(ephemeralRunners, toRunner(runnerSet, hand.name));
    const id = runnerSet.spec.ephemeralRunnerSpec?.runnerScaleSetId ?? 0;
    const jit = await deps.service.generateJitConfig(id, { name: hand.name, workFolder: "_work" });
    if (!jit.ok) throw new Error(jit.failure.message);
    hand.runnerId = jit.value.runner.id;
    await clock.sleep(deps.bootMs, stop);
    const runner = createRunnerClient(deps, jit.value.encoded);
    await runner.connect(stop);
    hand.state = "idle";
    void look(keyOf(runnerSet.metadata));
    for (;;) {
      const job = await runner.takeJob(stop);
      if (job === "gone") break;
      if (job === "none") continue;
      hand.state = "busy";
      void look(keyOf(runnerSet.metadata));
      await clock.sleep(job.durationMs, stop);
      await runner.finish(job.result, stop);
      break;
    }
    await client.remove(ephemeralRunners, { namespace, name: hand.name });
    end(runnerSet, state, hand);
  }

  function end(runnerSet: EphemeralRunnerSet, state: ReturnType<typeof stateOf>, hand: Hand): void {
    if (!state.hands.delete(hand.name)) return;
    hand.stop.abort(new Error("ended"));
    void look(keyOf(runnerSet.metadata));
  }

  watched.onChange(({ type, object }) => {
    if (type === "set") void look(keyOf(object.metadata));
    else for (const hand of stateOf(object).hands.values()) end(object, stateOf(object), hand);
  });

  return {
    kill(runnerName) {
      for (const runnerSet of watched.all()) {
        const hand = stateOf(runnerSet).hands.get(runnerName);
        if (!hand) continue;
        end(runnerSet, stateOf(runnerSet), hand);
        const { namespace = "" } = runnerSet.metadata;
        void client.remove(ephemeralRunners, { namespace, name: runnerName }).catch(ignoreApi);
      }
    },
    runners: () =>
      watched.all().flatMap((runnerSet) =>
        [...stateOf(runnerSet).hands.values()].map(({ name, state }) => ({
          name,
          state,
          runnerSet: runnerSet.metadata.name,
        })),
      ),
    refuse(refused) {
      refusing = refused;
      for (const runnerSet of watched.all()) void look(keyOf(runnerSet.metadata));
    },
  };
}

function ignoreApi(error: unknown): void {
  if (!(error instanceof KubernetesError)) throw error;
}

function keyOf({ namespace = "", name }: { namespace?: string; name: string }) {
  return { namespace, name };
}

function toRunner({ metadata, spec }: EphemeralRunnerSet, name: string): EphemeralRunner {
  const { ephemeralRunnerSpec } = spec;
  if (!ephemeralRunnerSpec) throw new Error(`${metadata.name} has no ephemeralRunnerSpec`);
  return {
    apiVersion: "actions.github.com/v1alpha1",
    kind: "EphemeralRunner",
    metadata: { name, ...(metadata.namespace !== undefined && { namespace: metadata.namespace }) },
    spec: ephemeralRunnerSpec,
  };
}
