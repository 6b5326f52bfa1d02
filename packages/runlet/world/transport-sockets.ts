// Why: the demo and `runlet start` speak over real sockets: TLS to each cluster with its own CA, HTTP to the
// service, so that kubectl and anybody's client can look on.
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Clock } from "@runlet/runtime/clock";
import { createHttpFetch, type HttpFetch } from "@runlet/runtime/http";
import { listen } from "@runlet/simulators/actions-service/listen";
import { getServerCertificate } from "@runlet/simulators/kube-api/certificates";
import { breakSocket, listenApi } from "@runlet/simulators/kube-api/listen";
import type { Transport } from "./transport.ts";

/** How a cluster of the world is reached from outside of this process. */
export interface ServedCluster {
  server: string;
  caPem: string;
}

export interface SocketTransport extends Transport {
  clusters: ReadonlyMap<string, ServedCluster>;
}

/** Everything on loopback. `home` keeps the certificate between runs; `servicePort` 0: any. */
export async function createSocketTransport(
  deps: { clock: Clock },
  options: { home: string; servicePort: number },
): Promise<SocketTransport> {
  const { clock } = deps;
  const port = options.servicePort || (await findFreePort());
  const closing: (() => unknown)[] = [];
  const clusters = new Map<string, ServedCluster>();
  const keep = (fetch: HttpFetch) => {
    closing.push(() => fetch.close());
    return fetch;
  };
  return {
    serviceUrl: `http://127.0.0.1:${port}`,
    async serveService({ app }) {
      const server = await listen(app, port);
      closing.unshift(() => server.close());
    },
    async serveCluster(name, api) {
      const certificate = await getServerCertificate(
        join(options.home, "kube-api"),
        clock.wallMs(),
      );
      const { url, close } = await listenApi(api.app, { port: 0, certificate });
      closing.unshift(close);
      const { caPem } = certificate;
      clusters.set(name, { server: url, caPem });
      const fetch = keep(createHttpFetch({ clock, onlyCa: [caPem] }));
      return (token) => ({ server: url, token: async () => token, fetch });
    },
    fetch: keep(createHttpFetch({ clock })),
    breakConnection: breakSocket,
    clusters,
    async close() {
      for (const close of closing) await close();
    },
  };
}

/** A port that was free a moment ago: the service must know its address before it listens. */
function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo; // a TCP listener has a port
      server.close(() => resolve(port));
    });
  });
}
