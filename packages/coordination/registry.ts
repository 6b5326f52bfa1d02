// Why: Kubernetes says what should exist, the service has the jobs; the registry remembers only which
// shard serves which scale set, and where its targets are. Rows are written on change only.
import type { TargetRef } from "@runlet/domain/target";

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
}

/** Which sets the holder of a shard serves, written when that changes. */
export interface ServesRow {
  shard: string;
  fence: string;
  scaleSetKeys: string[];
}

export interface Registry {
  listScaleSets(): Promise<{ row: ScaleSetRow; version: string }[]>;
  findScaleSet(key: string): Promise<{ row: ScaleSetRow; version: string } | undefined>;
  /** Writes if unchanged since `after` (undefined: absent). */
  putScaleSet(row: ScaleSetRow, after: string | undefined): Promise<"put" | "refused">;
  removeScaleSet(key: string, version: string): Promise<void>;
  listClusters(): Promise<{ row: ClusterRow; version: string }[]>;
  putCluster(row: ClusterRow, after: string | undefined): Promise<"put" | "refused">;
  removeCluster(name: string, version: string): Promise<void>;
  findServes(shard: string): Promise<ServesRow | undefined>;
  putServes(row: ServesRow): Promise<void>;
}
