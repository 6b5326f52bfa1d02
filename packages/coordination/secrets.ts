// Why: a kubeconfig, a GitHub credential or the webhook's secret is text under a name in a store of secrets. Asking the
// store each time costs money and 20 ms, keeping what it said for ever means a cold start at each rotation: so it is
// kept for a while.
import type { Clock } from "@runlet/runtime/clock";

export interface Secrets {
  /** The secret's text; undefined: there is none of that name. */
  find(name: string): Promise<string | undefined>;
}

export interface SecretAges {
  /** An answer is asked for again after so long; default 5 minutes: a rotated secret must overlap for that time. */
  keptMs?: number;
  /** "There is none" is believed for so long, and a store that did not answer is left alone; default 30 s. */
  retryMs?: number;
}

interface Kept {
  text: string | undefined;
  until: number;
}

/** `secrets`, asked once per secret and age. While it does not answer, what it said last is still good. */
export function createCachedSecrets(
  deps: { secrets: Secrets; clock: Pick<Clock, "nowMs"> },
  ages: SecretAges = {},
): Secrets {
  const { keptMs = 300_000, retryMs = 30_000 } = ages;
  const kept = new Map<string, Kept>();
  const asking = new Map<string, Promise<string | undefined>>();

  async function ask(name: string): Promise<string | undefined> {
    try {
      const text = await deps.secrets.find(name);
      const until = deps.clock.nowMs() + (text === undefined ? retryMs : keptMs);
      kept.set(name, { text, until });
      return text;
    } catch (error) {
      const last = kept.get(name);
      if (last?.text === undefined) throw error;
      kept.set(name, { text: last.text, until: deps.clock.nowMs() + retryMs });
      return last.text;
    } finally {
      asking.delete(name);
    }
  }
  return {
    async find(name) {
      const known = kept.get(name);
      if (known && deps.clock.nowMs() < known.until) return known.text;
      const pending = asking.get(name) ?? ask(name);
      asking.set(name, pending);
      return pending;
    },
  };
}
