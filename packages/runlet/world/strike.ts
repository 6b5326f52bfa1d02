// Why: each planned fault, done to the world. A kill waits for a moment in which no session is being created: that
// window cannot be closed (the service would keep an orphan until its lapse), and has a story of its own.
import type { RunningPoller } from "./functions.ts";
import type { FaultPlan } from "./plan-scenario.ts";
import type { World } from "./world.ts";

const retryMs = 100;

/** Does it; `told` is called when it has really struck (a kill waits for its moment). */
export function strike(
  world: World,
  fault: FaultPlan,
  told: (fault: FaultPlan, what: string) => void,
): void {
  const tell = (what = "") => told(fault, what);
  switch (fault.kind) {
    case "kill-poller":
      return strikeHolder(world, (poller) => {
        tell(`${poller.shard}, ${poller.name}`);
        poller.kill();
      });
    case "freeze-poller":
      return strikeHolder(world, (poller) => {
        tell(`${poller.shard}, ${poller.name}, for ${fault.forMs} ms`);
        poller.freeze(fault.forMs);
      });
    case "cut-watches":
      tell(fault.cluster);
      return void world.clusters.get(fault.cluster)?.api.cutWatches({ broken: true });
    case "service-answers": {
      const { status, times } = fault;
      tell(`${times} × ${status}, ${fault.route === "*" ? "any route" : fault.route}`);
      const route = fault.route as "*"; // plan-scenario's routes are the simulator's names
      const retryAfter = status === 429 ? { retryAfter: "1" } : {};
      return world.service.control.addFault({ route, status, times, ...retryAfter });
    }
    case "cluster-answers": {
      const { status, times } = fault;
      tell(`${times} × ${status}, ${fault.cluster}`);
      const effect = {
        kind: "status",
        status,
        ...(status === 429 && { retryAfterSeconds: 1 }),
      } as const;
      return void world.clusters.get(fault.cluster)?.api.addFault({ effect, times });
    }
    case "cluster-unreachable": {
      tell(`${fault.cluster}, for ${fault.forMs} ms`);
      const effect = { kind: "unreachable" } as const;
      const end = world.clusters.get(fault.cluster)?.api.addFault({ effect });
      return void world.clock.after(fault.forMs, () => end?.());
    }
    case "queue-tokens-expire":
      tell();
      return world.service.control.expireQueueTokens();
  }
}

/** Strikes a poller that holds sessions, outside of session create; tries again until there is one. */
function strikeHolder(world: World, hit: (poller: RunningPoller) => void): void {
  const { clock, functions } = world;
  const shards = holdingShards(world);
  const poller = functions.running().find(({ shard }) => shards.has(shard));
  if (poller && !creatingSession(world)) return hit(poller);
  clock.after(retryMs, () => strikeHolder(world, hit));
}

/** Shards whose sessions are open: an owner's name is `runlet-SHARD`. */
function holdingShards({ service }: World): Set<string> {
  return new Set(
    service.control.sessions().map(({ ownerName }) => ownerName.replace("runlet-", "")),
  );
}

function creatingSession({ recorder, clock }: World): boolean {
  const settledMs = 300;
  return recorder
    .facts()
    .slice(-200)
    .some(({ kind, at }) => kind === "session-created" && clock.nowMs() - at < settledMs);
}
