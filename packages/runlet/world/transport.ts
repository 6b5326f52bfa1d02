// Why: the same world runs in one thread under virtual time (stories, seeds) and over sockets with processes (demo,
// start). What differs is how its servers are reached; this is that difference.
import type { ClusterAccess } from "@runlet/kubernetes/client";
import type { Fetch } from "@runlet/runtime/fetch";
import type { ActionsServiceSimulator } from "@runlet/simulators/actions-service/simulator";
import type { KubeApiSimulator } from "@runlet/simulators/kube-api/simulator";

export interface Transport {
  /** Known before the service is made: it says in its answers where it is. */
  serviceUrl: string;
  serveService(service: ActionsServiceSimulator): Promise<void>;
  serveCluster(name: string, api: KubeApiSimulator): Promise<(token: string) => ClusterAccess>;
  /** The way to the service, and to a cluster by its server's address where the transport is in process. */
  fetch: Fetch;
  /** What to do with a connection that a fault of the Kubernetes API breaks. */
  breakConnection?: (env: unknown) => void;
  close(): Promise<void>;
}

/** Everything in this thread; no byte leaves it. */
export function createInProcessTransport(): Transport {
  const hosts = new Map<string, Fetch>();
  const fetch: Fetch = (url, init) => {
    const found = hosts.get(new URL(url).host);
    return found ? found(url, init) : Promise.reject(new TypeError(`nobody listens at ${url}`));
  };
  return {
    serviceUrl: "https://service.test",
    async serveService(service) {
      hosts.set("service.test", service.fetch);
    },
    async serveCluster(name, api) {
      hosts.set(`${name}.test`, api.fetch);
      const server = `https://${name}.test`;
      return (token) => ({ server, token: async () => token, fetch });
    },
    fetch,
    close: async () => hosts.clear(),
  };
}
