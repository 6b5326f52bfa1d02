import type { ActionsService } from "@runlet/actions-service/service";
import { createMemoryTable } from "@runlet/coordination/memory-table";
import { createRegistry, type ScaleSetRow } from "@runlet/coordination/registry";
import { createKubernetesClient } from "@runlet/kubernetes/client";
import { createLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { expect, it } from "vitest";
import { discover } from "./discover.ts";

const rowOf = (id: number, on: string[]): ScaleSetRow => ({
  key: `github.com/acme:${id}`,
  scopeKey: "github.com/acme",
  configUrl: "https://github.com/acme",
  scaleSetId: id,
  name: `set-${id}`,
  runnerGroup: "",
  labels: [`set-${id}`],
  shard: `shard-${id}`,
  targets: on.map((cluster) => ({
    cluster,
    namespace: "runners",
    autoscalingRunnerSet: `set-${id}`,
  })),
  shared: on.length > 1,
});

/** Rows without a cluster that shows them: every look removes what no silent cluster may still have. */
async function start(rows: ScaleSetRow[], unreadable: string[] = []) {
  const clock = createVirtualClock();
  const random = createSeededRandom(1);
  const table = createMemoryTable(() => clock.wallMs());
  const lines: string[] = [];
  const log = createLog(
    { write: (line) => lines.push(line), wallMs: () => clock.wallMs() },
    { level: "debug" },
  );
  const registry = createRegistry({ table, clock, random, log });
  for (const row of rows) await registry.putScaleSet(row, undefined);
  for (const key of unreadable) await table.put({ key, version: "1", value: {} }, { absent: true });
  const woken: string[] = [];
  const deps = {
    clock,
    log,
    metrics: { count: () => {}, observe: () => {} },
    registry,
    settings: { shardSize: 1, effectTimeoutMs: 10_000 },
    findCluster: async () => undefined,
    findService: async () => undefined,
    forget: async () => {},
    wakes: {
      async wake(shard: string) {
        if (shard === "shard-1") throw new Error("the invoker refuses");
        woken.push(shard);
        return "invoked" as const;
      },
      findFlag: async () => undefined,
      clear: async () => {},
    },
  };
  return { deps, woken, lines, registry };
}

it("wakes every shard whose sets changed, also after one that cannot be woken", async () => {
  const { deps, woken, lines } = await start([rowOf(1, []), rowOf(2, []), rowOf(3, [])]);
  const { rows } = await discover(deps);
  expect(rows).toEqual([]);
  expect(woken).toEqual(["shard-2", "shard-3"]);
  expect(lines.filter((line) => line.includes("wake_failed")).length).toBe(1);
});

it("keeps the targets of a cluster whose row cannot be read", async () => {
  const { deps, registry } = await start([rowOf(4, ["east"])], ["cluster/east"]);
  const { silent, rows } = await discover(deps);
  expect(silent).toEqual(["east"]);
  expect(rows).toEqual([rowOf(4, ["east"])]);
  expect((await registry.listScaleSets()).map(({ row }) => row)).toEqual(rows);
});

/** A cluster that shows nothing: what rows name in it is gone. */
async function emptyCluster(registry: ReturnType<typeof createRegistry>) {
  await registry.putCluster({ name: "east", accessRef: "east" }, undefined);
  const fetch = async () => Response.json({ metadata: { resourceVersion: "1" }, items: [] });
  const access = { server: "https://east", token: async () => "t", fetch };
  const clock = createVirtualClock();
  return createKubernetesClient({ access, clock, userAgent: "test", limitMs: 10_000 });
}

/** The service of the scale sets that may be deleted; `refused` ones are not. */
const serviceThatRefuses = (refused: (id: number) => boolean) =>
  // `as`: nothing else of it is called.
  ({
    deleteScaleSet: async (id: number) =>
      refused(id)
        ? { ok: false, failure: { reason: "refused", message: "no" } }
        : { ok: true, value: undefined },
  }) as unknown as ActionsService;

it("removes and wakes what it can when one scope's credential cannot be read", async () => {
  const bad = { ...rowOf(4, ["east"]), shared: true, configUrl: "https://github.com/bad" };
  const { deps, registry, woken, lines } = await start([
    bad,
    { ...rowOf(5, ["east"]), shared: true },
  ]);
  const east = await emptyCluster(registry);
  const service = serviceThatRefuses(() => false);
  const { rows } = await discover({
    ...deps,
    findCluster: async () => east,
    async findService(url: string) {
      if (url === bad.configUrl) throw new Error("what is stored is no credential");
      return service;
    },
  });
  expect(rows).toEqual([bad]);
  expect((await registry.listScaleSets()).map(({ row }) => row.scaleSetId)).toEqual([4]);
  expect(woken).toEqual(["shard-5"]);
  expect(lines.filter((line) => line.includes("scale_set_not_deleted")).length).toBe(1);
});

it("deletes the others in time although more than a look's number are refused for ever", async () => {
  const rows = Array.from({ length: 27 }, (_, n) => ({ ...rowOf(10 + n, ["east"]), shared: true }));
  const { deps, registry } = await start(rows);
  const east = await emptyCluster(registry);
  const isRefused = (id: number) => id < 24;
  const service = serviceThatRefuses(isRefused);
  let asked = 0;
  for (let minute = 0; minute < 10; minute++) {
    const before = asked;
    const counting = {
      ...service,
      deleteScaleSet: (id: number) => (asked++, service.deleteScaleSet(id)),
    };
    await discover({
      ...deps,
      findCluster: async () => east,
      findService: async () => counting,
    });
    expect(asked - before).toBeLessThanOrEqual(10);
    await deps.clock.runFor(60_000);
  }
  const left = (await registry.listScaleSets()).map(({ row }) => row.scaleSetId);
  expect(left.filter((id) => !isRefused(id))).toEqual([]);
});

it("leaves what another look registers while the clusters are asked", async () => {
  const { deps, registry } = await start([]);
  await registry.putCluster({ name: "east", accessRef: "east" }, undefined);
  const forgotten: string[] = [];
  const services: string[] = [];
  /** Lists nothing; the set is made and registered after that. */
  async function fetch() {
    await registry.putScaleSet({ ...rowOf(5, ["east"]), shared: true }, undefined);
    return Response.json({ metadata: { resourceVersion: "1" }, items: [] });
  }
  const clock = createVirtualClock();
  const access = { server: "https://east", token: async () => "t", fetch };
  const east = createKubernetesClient({ access, clock, userAgent: "test", limitMs: 10_000 });
  await discover({
    ...deps,
    findCluster: async () => east,
    findService: async (url: string) => void services.push(url),
    forget: async (key: string) => void forgotten.push(key),
  });
  expect({ forgotten, services }).toEqual({ forgotten: [], services: [] });
  expect((await registry.listScaleSets()).map(({ row }) => row.scaleSetId)).toEqual([5]);
});
