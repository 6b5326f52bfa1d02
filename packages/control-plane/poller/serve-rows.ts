// Why: which scale sets a shard has is written in the registry, by others and at any time. The holder compares the
// rows with its loops and says in a row of its own which sets it serves, so that the sweep can see who is missed.
import { formatFence } from "@runlet/coordination/lease";
import type { ScaleSetRow } from "@runlet/coordination/registry";
import { targetKey } from "@runlet/domain/target";
import { remedies } from "../remedies.ts";
import type { ServedSet } from "./scale-set.ts";
import { leaveSession } from "./close-session.ts";
import { serveScaleSet, type Serving } from "./serve-scale-set.ts";
import type { Shard } from "./shard.ts";

export interface ServedRows {
  /** Reads the rows and starts, stops and changes loops; writes the serves row if the list changed. */
  refresh(from: Serving["from"]): Promise<void>;
  sets(): ServedSet[];
  /** Rows of the shard, also those that cannot be served now. */
  count(): number;
  /** Every row of the deployment as last read. */
  all(): readonly ScaleSetRow[];
  /** Every loop has its set's checkpoint loaded, or has failed to. */
  idle(): boolean;
}

interface Loop {
  row: ScaleSetRow;
  set: ServedSet | undefined;
  stop: AbortController;
}

export function serveRows(shard: Shard): ServedRows {
  const loops = new Map<string, Loop>();
  let all: ScaleSetRow[] = [];
  let listed: string | undefined;
  let mine = 0;

  shard.clusters.onChange((key) => {
    for (const { row, set } of loops.values()) {
      if (key === "" || row.targets.some((ref) => targetKey(ref) === key)) set?.nudge.nudge();
    }
  });

  async function start(row: ScaleSetRow, from: Serving["from"]): Promise<void> {
    const service = await findService(shard, row);
    if (!service || loops.has(row.key)) return;
    const loop: Loop = { row, set: undefined, stop: new AbortController() };
    loops.set(row.key, loop);
    const serving: Serving = {
      row: () => loop.row,
      service,
      from,
      signal: AbortSignal.any([shard.signal, loop.stop.signal]),
      began: (set) => (loop.set = set),
    };
    void runLoop(loop, serving);
  }

  /** One that was refused by a larger fence is looked at again when the rows are read next. */
  async function runLoop(loop: Loop, serving: Serving): Promise<void> {
    await serveScaleSet(shard, serving);
    if (loop.set) await leaveSession(shard, loop.set);
    if (loops.get(loop.row.key) === loop) loops.delete(loop.row.key);
  }

  function change(loop: Loop, row: ScaleSetRow): void {
    if (JSON.stringify(loop.row) === JSON.stringify(row)) return;
    loop.row = row;
    if (!loop.set) return;
    loop.set.row = row;
    loop.set.nudge.nudge();
  }

  async function putServes(keys: string[]): Promise<void> {
    const text = keys.join("\n");
    if (listed === text) return;
    await shard.guard();
    const fence = formatFence(shard.fence());
    await shard.deps.registry.putServes({ shard: shard.run.shard, fence, scaleSetKeys: keys });
    listed = text;
  }

  return {
    async refresh(from) {
      const [stored, clusters] = await Promise.all([
        shard.deps.registry.listScaleSets(),
        shard.deps.registry.listClusters(),
      ]);
      shard.clusters.watch(clusters.map(({ row }) => row));
      all = stored.map(({ row }) => row);
      const rows = all.filter((row) => row.shard === shard.run.shard);
      mine = rows.length;
      for (const [key, loop] of loops) {
        const row = rows.find((one) => one.key === key);
        if (row?.configUrl === loop.row.configUrl) change(loop, row);
        else loop.stop.abort(new Error("the scale set is no longer in this shard"));
      }
      await Promise.all(rows.filter(({ key }) => !loops.has(key)).map((row) => start(row, from)));
      await putServes(rows.map(({ key }) => key).toSorted());
    },
    sets: () => [...loops.values()].flatMap(({ set }) => set ?? []),
    count: () => mine,
    all: () => all,
    idle: () => [...loops.values()].every(({ set }) => set !== undefined),
  };
}

async function findService(shard: Shard, { key, configUrl }: ScaleSetRow) {
  try {
    const service = await shard.deps.services.find(configUrl);
    // A named state, shown each time the rows are read; the other sets of the shard are served.
    if (!service) {
      const remedy = remedies.noCredential(configUrl);
      shard.log.warn("scale_set_without_credential", { scaleSet: key, configUrl, remedy });
    }
    return service;
  } catch (error) {
    const remedy = remedies.badCredential(configUrl);
    shard.log.error("credential_failed", { scaleSet: key, configUrl, error, remedy });
    return undefined;
  }
}
