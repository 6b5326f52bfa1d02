// Why: what starts a poller comes from outside of the process: parsed once, at the edge.
import type { PollerEvent } from "@runlet/coordination/invoker";
import * as z from "zod";

const event = z.object({
  shard: z.string(),
  reason: z.enum(["webhook", "sweep", "look", "successor", "failure", "flag"]),
  failures: z.exactOptional(z.int().positive()),
});

/** Throws for anything that is no event of ours. */
export function parsePollerEvent(input: unknown): PollerEvent {
  return event.parse(input);
}
