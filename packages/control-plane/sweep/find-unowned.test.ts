import type { ActionsService } from "@runlet/actions-service/service";
import { noStatistics } from "@runlet/domain/statistics";
import { createLog } from "@runlet/runtime/log";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { expect, it } from "vitest";
import { findUnowned, type ListedScopes } from "./find-unowned.ts";

const rowOf = (org: string) => ({
  key: `github.com/${org}:1`,
  scopeKey: `github.com/${org}`,
  configUrl: `https://github.com/${org}`,
  scaleSetId: 1,
  name: "linux",
  runnerGroup: "",
  labels: ["linux"],
  shard: "shard-0",
  targets: [],
  shared: false,
});

it("scopes whose credentials cannot be read keep no other from being listed", async () => {
  const clock = createVirtualClock();
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line), wallMs: () => clock.wallMs() });
  const left = { id: 2, name: "left", statistics: { ...noStatistics, totalAssignedJobs: 3 } };
  const listScaleSets = async () => ({ ok: true, value: [left] });
  // `as`: nothing else of it is called.
  const service = { listScaleSets } as unknown as ActionsService;
  const deps = {
    clock,
    log,
    metrics: { count: () => {}, observe: () => {} },
    async findService(configUrl: string) {
      if (configUrl.includes("broken")) throw new Error("what is stored is no credential");
      return service;
    },
  };
  const broken = Array.from({ length: 12 }, (_, n) => rowOf(`broken-${n}`));
  const listed: ListedScopes = new Map();
  for (let minute = 0; minute < 15; minute++) {
    await findUnowned(deps, [...broken, rowOf("acme")], listed);
    await clock.runFor(60_000);
  }
  const unowned = lines.filter((line) => line.includes("scale_set_unowned"));
  expect(unowned.map((line) => JSON.parse(line))).toMatchObject([
    { scope: "github.com/acme", scaleSetId: 2, name: "left" },
  ]);
});
