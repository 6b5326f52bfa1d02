// Why: sets that reach the service by the same CA and proxy share connections. A CA or a proxy's password is changed now and
// then, and a reconciler lives for months: connections of a way that nobody goes any more are closed, not kept.
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { HttpFetch } from "@runlet/runtime/http";
import type { ServiceRequest } from "./services.ts";

/** By which CA and proxy the Actions Service of a set is reached. */
export type ServiceWay = Pick<ServiceRequest, "caPem" | "proxy">;

export interface ServiceWays {
  /** Throws for a CA or proxy that cannot be used. The fetch stays good however long it is not called. */
  fetchFor(way: ServiceWay): Fetch;
  close(): void;
}

interface Opened {
  fetch: HttpFetch;
  usedAtMs: number;
}

/** Living sets are looked up at the service every five minutes, and no call takes longer than ten seconds. */
const unusedMs = 3_600_000;

export function createServiceWays(
  clock: Clock,
  openFetch: (way: ServiceWay) => HttpFetch,
): ServiceWays {
  const opened = new Map<string, Opened>();

  function use(way: ServiceWay): HttpFetch {
    const key = JSON.stringify(way);
    const { fetch } = opened.get(key) ?? { fetch: openFetch(way) };
    opened.set(key, { fetch, usedAtMs: clock.nowMs() });
    closeUnused();
    return fetch;
  }

  function closeUnused() {
    for (const [key, { fetch, usedAtMs }] of opened) {
      if (clock.nowMs() - usedAtMs < unusedMs) continue;
      opened.delete(key);
      fetch.close();
    }
  }

  return {
    fetchFor(way) {
      use(way);
      return (url, init) => use(way)(url, init);
    },
    close() {
      for (const { fetch } of opened.values()) fetch.close();
      opened.clear();
    },
  };
}
