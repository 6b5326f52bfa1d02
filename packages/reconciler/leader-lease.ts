// Why: the record by which replicas agree on who leads: a Lease as client-go writes it (k8s.io/client-go,
// tools/leaderelection), so that kubectl shows it and its meaning is known. Every write names the version it read: the
// API server refuses whoever was second.
import {
  KubernetesError,
  type KubernetesClient,
  type KubernetesObject,
  type ObjectKey,
} from "@runlet/kubernetes/client";
import { leases } from "@runlet/kubernetes/resources";
import type { Clock } from "@runlet/runtime/clock";

export interface LeaseRecord extends KubernetesObject {
  spec?: {
    /** Empty or absent: nobody leads. */
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

/** Each write resolves to the new record, or to undefined when somebody else was first. */
export interface LeaderLease {
  read(signal: AbortSignal): Promise<LeaseRecord | undefined>;
  /** For whoever found no record (undefined), or one that nobody keeps any more. */
  take(found: LeaseRecord | undefined, signal: AbortSignal): Promise<LeaseRecord | undefined>;
  renew(held: LeaseRecord, signal: AbortSignal): Promise<LeaseRecord | undefined>;
  /** Leaves the record without a holder: whoever looks next leads. */
  release(held: LeaseRecord): Promise<LeaseRecord | undefined>;
}

export interface LeaderLeaseOptions {
  key: Required<ObjectKey>;
  /** Of this process; no two may have the same. */
  identity: string;
  leaseMs: number;
  /** Of one call. */
  limitMs: number;
}

export function createLeaderLease(
  { client, clock }: { client: KubernetesClient; clock: Clock },
  { key, identity, leaseMs, limitMs }: LeaderLeaseOptions,
): LeaderLease {
  /** A MicroTime; only people read it. */
  const now = () => new Date(clock.wallMs()).toISOString().replace("Z", "000Z");

  function write(
    found: LeaseRecord,
    spec: NonNullable<LeaseRecord["spec"]>,
    options: { limitMs: number; signal?: AbortSignal },
  ): Promise<LeaseRecord | undefined> {
    const metadata = { resourceVersion: found.metadata.resourceVersion };
    const patch = { type: "merge", body: { metadata, spec } } as const;
    return unlessSecond(client.patch<LeaseRecord>(leases, key, patch, options));
  }

  return {
    read: (signal) => client.find<LeaseRecord>(leases, key, { limitMs, signal }),
    take(found, signal) {
      const spec = {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(leaseMs / 1_000),
        acquireTime: now(),
        renewTime: now(),
        leaseTransitions: found ? (found.spec?.leaseTransitions ?? 0) + 1 : 0,
      };
      if (found) return write(found, spec, { limitMs, signal });
      const record: LeaseRecord = { metadata: { ...key }, spec };
      return unlessSecond(client.create(leases, record, { limitMs, signal }));
    },
    renew: (held, signal) => write(held, { renewTime: now() }, { limitMs, signal }),
    release: (held) => write(held, { holderIdentity: "", renewTime: now() }, { limitMs }),
  };
}

/** 409: the version has moved on, or the record exists by now. 404: it was deleted meanwhile. */
async function unlessSecond(call: Promise<LeaseRecord>): Promise<LeaseRecord | undefined> {
  try {
    return await call;
  } catch (error) {
    const second = error instanceof KubernetesError && [404, 409].includes(error.status);
    if (second) return undefined;
    throw error;
  }
}
