// Why: Kubernetes says what should exist, the service has the jobs; the registry remembers only which
// shard serves which scale set, and where its targets are. Rows are written on change only.
import type { TargetRef } from "@runlet/domain/target";
import type { Log } from "@runlet/runtime/log";
import * as z from "zod/mini";
import { parseFence } from "./fence.ts";
import { keys } from "./keys.ts";
import {
  getSettled,
  listSettled,
  putSettled,
  removeSettled,
  type SettleDeps,
} from "./put-settled.ts";
import { TableError, type Condition, type JsonObject, type Row } from "./table.ts";

/** A logical scale set. */
export interface ScaleSetRow {
  /** `<scope key>:<scale set id>`, e.g. `github.com/my-org:7`: the identity. */
  key: string;
  /** Normalised and lower-cased config URL scope, e.g. `github.com/my-org` or `ghes.corp/org/repo`. */
  scopeKey: string;
  /** As the AutoscalingRunnerSet gives it. */
  configUrl: string;
  scaleSetId: number;
  name: string;
  /** "" = the default group. */
  runnerGroup: string;
  /** Labels that jobs may target: the name and the extra ones, lower-cased. */
  labels: string[];
  shard: string;
  targets: TargetRef[];
  /** What a resting shard must be woken for when it changes: each target's bounds, and whether it goes. */
  wanted?: string[];
  /** All its targets carry runlet.dev/share=true. */
  shared: boolean;
}

/** A registered cluster. */
export interface ClusterRow {
  name: string;
  /** Where its access is found: a path (local), a secret's name (cloud). Never the access itself. */
  accessRef: string;
  /** Absent: all namespaces labelled runlet.dev/managed=true. */
  namespaces?: string[];
  /** It is being removed: it gets no new runner, and those that have a job finish. */
  draining?: boolean;
}

/** Which sets the holder of a shard serves, written when that changes. */
export interface ServesRow {
  shard: string;
  fence: string;
  scaleSetKeys: string[];
}

export interface Registry {
  /** A row that cannot be read is left out, and told once: the others are served. */
  listScaleSets(): Promise<{ row: ScaleSetRow; version: string }[]>;
  findScaleSet(key: string): Promise<{ row: ScaleSetRow; version: string } | undefined>;
  /** Writes if unchanged since `after` (undefined: absent). */
  putScaleSet(row: ScaleSetRow, after: string | undefined): Promise<"put" | "refused">;
  /** "refused": it has changed since; look again. */
  removeScaleSet(key: string, version: string): Promise<Removal>;
  /** A row that cannot be read is a cluster without access: its targets stay, as a silent cluster's do. */
  listClusters(): Promise<{ row: ClusterRow; version: string }[]>;
  putCluster(row: ClusterRow, after: string | undefined): Promise<"put" | "refused">;
  removeCluster(name: string, version: string): Promise<Removal>;
  /** One that cannot be read is none: its holder's next one writes it anew. */
  findServes(shard: string): Promise<ServesRow | undefined>;
  /** Writes unless the row says the same, or a larger fence has written it. */
  putServes(row: ServesRow): Promise<void>;
}

export type Removal = "removed" | "absent" | "refused";

const targetRow = z.object({
  cluster: z.string(),
  namespace: z.string(),
  autoscalingRunnerSet: z.string(),
});
const scaleSetRow = z.object({
  key: z.string(),
  scopeKey: z.string(),
  configUrl: z.string(),
  scaleSetId: z.int(),
  name: z.string(),
  runnerGroup: z.string(),
  labels: z.array(z.string()),
  shard: z.string(),
  targets: z.array(targetRow),
  wanted: z.exactOptional(z.array(z.string())),
  shared: z.boolean(),
});
const clusterRow = z.object({
  name: z.string(),
  accessRef: z.string(),
  namespaces: z.exactOptional(z.array(z.string())),
  draining: z.exactOptional(z.boolean()),
});
const servesRow = z.object({
  shard: z.string(),
  fence: z.string(),
  scaleSetKeys: z.array(z.string()),
});

/** The registry in a table. */
export function createRegistry(deps: SettleDeps & { log: Log }): Registry {
  const told = new Set<string>();
  /** One bad row must not stop two hundred sets. */
  function tellUnreadable(row: Row, error: z.core.$ZodError) {
    const mark = `${row.key} ${row.version}`;
    if (told.has(mark)) return;
    told.add(mark);
    const reason = z.prettifyError(error);
    const remedy = "remove the row; the next sweep registers what is in the clusters anew";
    deps.log.error("registry_row_unreadable", { key: row.key, reason, remedy });
  }
  function parseOr<T>(
    shape: z.ZodMiniType<T>,
    row: Row,
    otherwise: T[],
  ): { row: T; version: string }[] {
    const parsed = shape.safeParse(row.value);
    if (!parsed.success) tellUnreadable(row, parsed.error);
    const rows = parsed.success ? [parsed.data] : otherwise;
    return rows.map((one) => ({ row: one, version: row.version }));
  }
  async function put(key: string, row: object, after: string | undefined) {
    const next = { key, version: deps.random.uuid(), value: toValue(row) };
    return (await putSettled(deps, next, conditionAfter(after))).kind;
  }
  return {
    async listScaleSets() {
      const rows = await listSettled(deps, keys.scaleSets);
      return rows.flatMap((row) => parseOr(scaleSetRow, row, []));
    },
    async findScaleSet(key) {
      const row = await getSettled(deps, keys.scaleSet(key));
      return row && { row: parse(scaleSetRow, row), version: row.version };
    },
    putScaleSet: (row, after) => put(keys.scaleSet(row.key), row, after),
    removeScaleSet: (key, version) => removeSettled(deps, keys.scaleSet(key), version),
    async listClusters() {
      const rows = await listSettled(deps, keys.clusters);
      return rows.flatMap((row) => {
        const name = row.key.slice(keys.clusters.length);
        return parseOr(clusterRow, row, [{ name, accessRef: "" }]);
      });
    },
    putCluster: (row, after) => put(keys.cluster(row.name), row, after),
    removeCluster: (name, version) => removeSettled(deps, keys.cluster(name), version),
    async findServes(shard) {
      const row = await getSettled(deps, keys.serves(shard));
      return servesRow.safeParse(row?.value).data;
    },
    putServes: (row) => putServes(deps, row),
  };
}

/** Who writes in between is a holder too: the larger fence stays, so three turns are enough. */
async function putServes(deps: SettleDeps, serves: ServesRow): Promise<void> {
  const key = keys.serves(serves.shard);
  const value = toValue(serves);
  for (let turn = 0; turn < 3; turn++) {
    const row = await getSettled(deps, key);
    const there = servesRow.safeParse(row?.value).data;
    if (there && numberOf(there.fence) > numberOf(serves.fence)) return;
    if (row && JSON.stringify(row.value) === JSON.stringify(value)) return;
    const next = { key, version: deps.random.uuid(), value };
    if ((await putSettled(deps, next, conditionAfter(row?.version))).kind === "put") return;
  }
}

function numberOf(fence: string): number {
  return parseFence(fence)?.n ?? 0;
}

function conditionAfter(version: string | undefined): Condition {
  return version === undefined ? { absent: true } : { version };
}

/** Through JSON, so that a field set to undefined is an absent one. */
function toValue(row: object): JsonObject {
  // `as`: the rows above are strings, numbers, booleans and lists of them.
  return JSON.parse(JSON.stringify(row)) as JsonObject;
}

function parse<T>(shape: z.ZodMiniType<T>, row: Row): T {
  const parsed = shape.safeParse(row.value);
  if (parsed.success) return parsed.data;
  throw new TableError(`row ${row.key} cannot be read: ${z.prettifyError(parsed.error)}`);
}
