// Why: "why is my job waiting?" begins with one word about its scale set. The first thing that keeps it from being served is
// that word; what stands behind it does not matter before it is mended.
import type { CredentialState } from "./ask-credential.ts";
import { count } from "./count.ts";
import type { Holder } from "./watch-holder.ts";

export interface HealthFacts {
  scopeUrl: string;
  credential: CredentialState;
  shard: string;
  /** That no function runs, with what to type; undefined: they do, or that is not known. */
  stopped: string | undefined;
  holder: Holder["state"];
  /** The shard's holder says that it serves this set. */
  listed: boolean;
  hasSession: boolean;
  assigned: number;
  /** Since the poller last wrote of this set, and so since its last order; undefined: it never has. */
  lastNewsMs: number | undefined;
  targets: TargetFacts[];
}

export interface TargetFacts {
  cluster: string;
  /** A sentence on why the cluster could not be asked; undefined: it answered. */
  silent: string | undefined;
  /** What the reconciler says on the AutoscalingRunnerSet, where it is not well. */
  ailing: string | undefined;
  draining: boolean;
  /** The other installation that it belongs to. */
  foreign: string | undefined;
  owed: boolean;
  /** Orders that the reconciler has not acted on. */
  unacted: number;
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
    | "credential-refused"
    | "unserved";
  reason: string;
}

/** The word and its reason, with the remedy where there is one. */
export function decideHealth(facts: HealthFacts): Health {
  return (
    credentialHealth(facts) ?? holderHealth(facts) ?? githubHealth(facts) ?? targetHealth(facts)
  );
}

function credentialHealth({ credential, scopeUrl }: HealthFacts): Health | undefined {
  const refused = (why: string): Health => ({
    word: "credential-refused",
    reason: `${why}. Open sessions go on for up to an hour, nothing new begins`,
  });
  switch (credential) {
    case "found":
    case "unasked":
      return undefined;
    case "missing":
      return {
        word: "no-credential",
        reason: `no credential is registered for ${scopeUrl}: runlet github add ${scopeUrl}`,
      };
    case "unreadable":
      return {
        word: "no-credential",
        reason: `the credential for ${scopeUrl} cannot be read: runlet github check ${scopeUrl}`,
      };
    case "rejected":
      return refused(
        `GitHub refuses the credential for ${scopeUrl}: runlet github check ${scopeUrl} says what to click`,
      );
    case "uninstalled":
      return refused(
        `the App for ${scopeUrl} is not installed there any more: have an owner install it, then runlet github rotate ${scopeUrl}`,
      );
    case "suspended":
      return refused(
        `an owner has suspended the App for ${scopeUrl}: only an owner can let it act again`,
      );
  }
}

const unserved: Record<Holder["state"], string | undefined> = {
  alive: undefined,
  resting: undefined,
  none: "nobody has served it yet; the sweep wakes it within a minute",
  silent:
    "its holder is gone, and its lease has run out; the sweep wakes the next one within a minute (if not: do functions start at all?)",
  released: "its holder has given it up; the next one is awaited",
};

function holderHealth({
  holder,
  shard,
  stopped,
  listed,
  hasSession,
  targets,
}: HealthFacts): Health | undefined {
  // A lease that moves is news of a host elsewhere.
  if (stopped !== undefined && holder !== "alive") return { word: "unserved", reason: stopped };
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
  // A set that is another installation's is left without a session, on purpose.
  if (!hasSession && !targets.some(({ foreign }) => foreign !== undefined)) {
    const reason =
      "GitHub gives no session: ARC's listener or another installation may hold it (end that one), or GitHub does not answer; the log's session_… lines have its words";
    return { word: "no-session", reason };
  }
  return undefined;
}

function githubHealth({ credential, scopeUrl }: HealthFacts): Health | undefined {
  if (credential !== "unasked") return undefined;
  const reason = `GitHub does not answer from here (${scopeUrl}): where the poller gets no answer either, jobs wait until it does`;
  return { word: "degraded", reason };
}

/** Orders are acted on in a moment; while one is not, the poller gives another with each poll. */
const isIdle = (unacted: number, lastNewsMs: number) =>
  unacted >= 3 || (unacted > 0 && lastNewsMs > 10_000);

function targetHealth({ targets, assigned, lastNewsMs = 0 }: HealthFacts): Health {
  const foreign = targets.find((target) => target.foreign !== undefined);
  if (foreign) {
    const reason = `cluster ${foreign.cluster} is served by installation ${foreign.foreign}: stop that one, then runlet cluster adopt`;
    return { word: "foreign", reason };
  }
  const silent = targets.find((target) => target.silent !== undefined);
  if (silent) {
    return {
      word: "degraded",
      reason: silent.silent ?? "",
    };
  }
  const owed = targets.find((target) => target.owed);
  if (owed) {
    return { word: "degraded", reason: `cluster ${owed.cluster} has not taken its last order yet` };
  }
  const ailing = targets.find((target) => target.ailing !== undefined);
  if (ailing) {
    return { word: "degraded", reason: `cluster ${ailing.cluster}: ${ailing.ailing}` };
  }
  const idle = targets.find(({ unacted }) => isIdle(unacted, lastNewsMs));
  if (idle) {
    const reason = `cluster ${idle.cluster}: its reconciler has not acted on the last ${count(idle.unacted, "order")}: is its pod running?`;
    return { word: "degraded", reason };
  }
  if (targets.length > 0 && targets.every(({ draining }) => draining)) {
    return { word: "draining", reason: "every cluster of it is being removed" };
  }
  const off = targets.find(({ actual, desired }) => actual !== undefined && actual !== desired);
  if (off) {
    return { word: "scaling", reason: describeWay(off) };
  }
  return { word: "served", reason: `${count(assigned, "job")}, and the runners for them` };
}

/** Runners that are too many end when they are idle: those with a job stay until it has ended. */
function describeWay({ cluster, desired, actual = 0 }: TargetFacts): string {
  return actual > desired
    ? `cluster ${cluster} has ${count(actual, "runner")} and needs ${desired}: the others end`
    : `cluster ${cluster} has ${actual} of ${desired} runners`;
}
