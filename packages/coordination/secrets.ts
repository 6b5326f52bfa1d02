// Why: a kubeconfig, a GitHub credential or the webhook's secret is text under a name in a store of secrets. Asking the
// store each time costs money and 20 ms, keeping what it said for ever means a cold start at each rotation: so it is
// kept for a while.
import type { Clock } from "@runlet/runtime/clock";

export interface Secrets {
  /** The secret's text; undefined: there is none of that name. */
  find(name: string, options?: FindOptions): Promise<string | undefined>;
}

export interface FindOptions {
  /** What was found last has been refused: what is kept does not count. */
  fresh?: boolean;
}

export interface SecretAges {
  /** An answer is asked for again after so long; default 5 minutes: a rotated secret must overlap for that time. */
  keptMs?: number;
  /** "There is none" is believed for so long, and a store that did not answer is left alone; default 30 s. */
  retryMs?: number;
  /** However often somebody asks for a fresh one, the store is asked no more often than this; default 10 s. */
  freshMs?: number;
}

interface Kept {
  text: string | undefined;
  askedAt: number;
  until: number;
}

/** `secrets`, asked once per secret and age. While it does not answer, what it said last is still good. */
export function createCachedSecrets(
  deps: { secrets: Secrets; clock: Pick<Clock, "nowMs"> },
  ages: SecretAges = {},
): Secrets {
  const { keptMs = 300_000, retryMs = 30_000, freshMs = 10_000 } = ages;
  const kept = new Map<string, Kept>();
  const asking = new Map<string, Promise<string | undefined>>();

  function keep(name: string, text: string | undefined, forMs: number): void {
    const askedAt = deps.clock.nowMs();
    kept.set(name, { text, askedAt, until: askedAt + forMs });
  }

  async function ask(name: string): Promise<string | undefined> {
    try {
      const text = await deps.secrets.find(name);
      keep(name, text, text === undefined ? retryMs : keptMs);
      return text;
    } catch (error) {
      const last = kept.get(name);
      if (last?.text === undefined) throw error;
      keep(name, last.text, retryMs);
      return last.text;
    } finally {
      asking.delete(name);
    }
  }
  return {
    async find(name, { fresh = false } = {}) {
      const known = kept.get(name);
      const until = known && (fresh ? known.askedAt + freshMs : known.until);
      if (known && deps.clock.nowMs() < (until ?? 0)) return known.text;
      const pending = asking.get(name) ?? ask(name);
      asking.set(name, pending);
      return pending;
    },
  };
}
