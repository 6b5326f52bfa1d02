// Why: losing a lease must be told apart from every other abort: the loser may not even clean up.

/** Somebody else serves the shard now, or nobody can know that we still do. */
export class LeaseLost extends Error {
  override name = "LeaseLost";
}
