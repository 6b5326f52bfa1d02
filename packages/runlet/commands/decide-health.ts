// Why: "why is my job waiting?" begins with one word about its scale set. The first thing that keeps it from being served is
// that word; what stands behind it does not matter before it is mended.
import type { Holder } from "./watch-holder.ts";

export interface HealthFacts {
  scopeUrl: string;
  credential: "found" | "missing" | "unreadable";
  shard: string;
  holder: Holder["state"];
  /** The shard's holder says that it serves this set. */
  listed: boolean;
  hasSession: boolean;
  assigned: number;
  targets: TargetFacts[];
}

export interface TargetFacts {
  cluster: string;
  /** Why the cluster could not be asked; undefined: it answered. */
  silent: string | undefined;
  draining: boolean;
  /** The other installation that it belongs to. */
  foreign: string | undefined;
  owed: boolean;
  desired: number;
  /** Undefined: not known. */
  actual: number | undefined;
}

export interface Health {
  word:
    | "served"
    | "resting"
    | "scaling"
    | "degraded"
    | "draining"
    | "foreign"
    | "no-session"
    | "no-credential"
    | "unserved";
  reason: string;
}

/** The word and its reason, with the remedy where there is one. */
export function decideHealth(facts: HealthFacts): Health {
  return credentialHealth(facts) ?? holderHealth(facts) ?? targetHealth(facts);
}

function credentialHealth({ credential, scopeUrl }: HealthFacts): Health | undefined {
  if (credential === "found") return undefined;
  const what =
    credential === "missing"
      ? `no credential is registered for ${scopeUrl}: runlet github add`
      : `the credential for ${scopeUrl} cannot be read: runlet github check`;
  return { word: "no-credential", reason: what };
}

const unserved: Record<Holder["state"], string | undefined> = {
  alive: undefined,
  resting: undefined,
  none: "nobody has served it yet; the sweep wakes it within a minute",
  silent: "its holder is gone, and its lease has run out; the sweep wakes the next one",
  released: "its holder has given it up; the next one is awaited",
};

function holderHealth({ holder, shard, listed, hasSession }: HealthFacts): Health | undefined {
  const why = unserved[holder];
  if (why) return { word: "unserved", reason: `${shard}: ${why}` };
  if (holder === "resting") {
    return { word: "resting", reason: "quiet: sessions are closed until a webhook or a look" };
  }
  if (!listed) {
    return {
      word: "unserved",
      reason: `${shard} is served, but its holder does not list this set yet`,
    };
  }
  if (!hasSession) {
    const reason =
      "the service gives no session: somebody else may hold it; see session_… in the log";
    return { word: "no-session", reason };
  }
  return undefined;
}

function targetHealth({ targets, assigned }: HealthFacts): Health {
  const foreign = targets.find((target) => target.foreign !== undefined);
  if (foreign) {
    const reason = `cluster ${foreign.cluster} is served by installation ${foreign.foreign}: stop that one, then runlet cluster adopt`;
    return { word: "foreign", reason };
  }
  const silent = targets.find((target) => target.silent !== undefined);
  if (silent) {
    return {
      word: "degraded",
      reason: `cluster ${silent.cluster} does not answer: ${silent.silent}`,
    };
  }
  const owed = targets.find((target) => target.owed);
  if (owed) {
    return { word: "degraded", reason: `cluster ${owed.cluster} has not taken its last order yet` };
  }
  if (targets.length > 0 && targets.every(({ draining }) => draining)) {
    return { word: "draining", reason: "every cluster of it is being removed" };
  }
  const off = targets.find(({ actual, desired }) => actual !== undefined && actual !== desired);
  if (off) {
    const reason = `cluster ${off.cluster} has ${off.actual} of ${off.desired} runners`;
    return { word: "scaling", reason };
  }
  return { word: "served", reason: `${assigned} jobs, and the runners for them` };
}
