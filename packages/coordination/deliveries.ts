// Why: GitHub redelivers webhooks, for up to three days, and doubles some. Remembering their ids saves
// wakes; a webhook is only a hint, so forgetting one is harmless and a broken store is no reason to fail.
// (docs.github.com/en/webhooks: "Redelivering webhooks"; the id is the X-GitHub-Delivery header.)
import { keys } from "./keys.ts";
import { getSettled, putSettled, type SettleDeps } from "./put-settled.ts";

const rememberedMs = 4 * 24 * 3_600_000;

export interface Deliveries {
  /** "seen": this id came before, as far as anybody remembers. */
  remember(id: string): Promise<"new" | "seen">;
  /** Whether it came before, without remembering it: for who acts first and remembers when that has worked. */
  has(id: string): Promise<boolean>;
}

export function createDeliveries(deps: SettleDeps): Deliveries {
  const keyOf = (id: string) => keys.delivery(encodeURIComponent(id).slice(0, 200));
  return {
    async has(id) {
      return (await getSettled(deps, keyOf(id)).catch(() => undefined)) !== undefined;
    },
    async remember(id) {
      const key = keyOf(id);
      const now = deps.clock.wallMs();
      const row = { key, version: deps.random.uuid(), value: {}, expiresAt: now + rememberedMs };
      try {
        return (await putSettled(deps, row, { absent: true })).kind === "put" ? "new" : "seen";
      } catch {
        return "new";
      }
    },
  };
}
