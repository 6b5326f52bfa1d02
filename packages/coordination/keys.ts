// Why: which row is what stands in one place, so that no two users of the table can meet by accident.
// The first segment is the kind of row; a store may partition by it.

export const keys = {
  lease: (shard: string) => `lease/${shard}`,
  /** Who waits to take the shard over. */
  successor: (shard: string) => `successor/${shard}`,
  /** Somebody watched the lease run out: which version of it. */
  stoodStill: (shard: string) => `still/${shard}`,
  /** A poller was invoked for a free shard: at which version of its lease. */
  invoked: (shard: string) => `invoked/${shard}`,
  /** Somebody saw work for the shard. */
  flag: (shard: string) => `flag/${shard}`,
  /** Which sets a shard's holder serves. */
  serves: (shard: string) => `serves/${shard}`,
  checkpoint: (scaleSetKey: string) => `checkpoint/${scaleSetKey}`,
  scaleSet: (scaleSetKey: string) => `set/${scaleSetKey}`,
  scaleSets: "set/",
  cluster: (name: string) => `cluster/${name}`,
  clusters: "cluster/",
  /** All jobs of one workflow run. */
  timelines: (scopeKey: string, runId: string) => `timeline/${scopeKey}/${runId}/`,
  delivery: (id: string) => `delivery/${id}`,
  adminConnection: (scopeKey: string) => `admin/${scopeKey}`,
  /** A shard's data key, wrapped. */
  dataKey: (shard: string) => `key/${shard}`,
  /** The one counter that fences are drawn from. */
  fenceCounter: "deployment/fence",
  /** The name of this deployment in every fence. */
  installation: "deployment/installation",
} as const;
