// Why: a checkpoint that cannot be read must neither stop the shard nor be thrown away: what is still
// readable (the sequence of patch ids above all) goes on, only the session is made anew.
import type { Checkpoint } from "./checkpoints.ts";

export interface Unreadable {
  scaleSetKey: string;
  version: string;
  /** newer: leave it alone. undecryptable: make a new session. malformed: make a new checkpoint. */
  reason: "newer" | "undecryptable" | "malformed";
  why: string;
  rest: Checkpoint | undefined;
}

export class CheckpointUnreadable extends Error {
  override name = "CheckpointUnreadable";
  readonly reason: Unreadable["reason"];
  /** The row's version: a put after it replaces the row. */
  readonly version: string;
  /** What could be read, without the session. */
  readonly rest: Checkpoint | undefined;
  constructor(what: Unreadable) {
    super(`the checkpoint of scale set ${what.scaleSetKey} cannot be read: ${what.why}`);
    this.reason = what.reason;
    this.version = what.version;
    this.rest = what.rest;
  }
}
