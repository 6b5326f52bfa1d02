// Why: the demo and `runlet start` speak over real sockets: TLS to each cluster with its own CA, HTTP to the
// service, so that kubectl and anybody's client can look on.
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Clock } from "@runlet/runtime/clock";
import { createHttpFetch, type HttpFetch } from "@runlet/runtime/http";
import { listen } from "@runlet/simulators/actions-service/listen";
import type { ActionsServiceSimulator } from "@runlet/simulators/actions-service/simulator";
import {
  getServerCertificate,
  type ServerCertificate,
} from "@runlet/simulators/kube-api/certificates";
import { breakSocket, listenApi } from "@runlet/simulators/kube-api/listen";
import type { Transport } from "./transport.ts";

/** How a cluster of the world is reached from outside of this process. */
export interface ServedCluster {
  server: string;
  caPem: string;
}

export interface SocketTransport extends Transport {
  clusters: ReadonlyMap<string, ServedCluster>;
  /** Whom to trust for the service, where it speaks TLS. */
  serviceCaPem?: string;
}

export interface SocketTransportOptions {
  /** Keeps the certificates between runs. */
  home: string;
  /** 0: any. */
  servicePort: number;
  /** The service speaks TLS with a CA of its own, as a GitHub Enterprise Server does; default: plain HTTP. */
  tls?: boolean;
}

/** Everything on loopback. */
export async function createSocketTransport(
  deps: { clock: Clock },
  options: SocketTransportOptions,
): Promise<SocketTransport> {
  const { clock } = deps;
  const certificateFor = (what: string) =>
    getServerCertificate(join(options.home, what), clock.wallMs());
  const service = options.tls ? await certificateFor("service") : undefined;
  const port = options.servicePort || (await findFreePort());
  const closing: (() => unknown)[] = [];
  const clusters = new Map<string, ServedCluster>();
  const keep = (fetch: HttpFetch) => {
    closing.push(() => fetch.close());
    return fetch;
  };
  return {
    serviceUrl: `${service ? "https" : "http"}://127.0.0.1:${port}`,
    ...(service && { serviceCaPem: service.caPem }),
    async serveService({ app }) {
      const server = await (service ? listenTls(app, port, service) : listen(app, port));
      closing.unshift(() => server.close());
    },
    async serveCluster(name, api) {
      const certificate = await certificateFor("kube-api");
      const { url, close } = await listenApi(api.app, { port: 0, certificate });
      closing.unshift(close);
      const { caPem } = certificate;
      clusters.set(name, { server: url, caPem });
      const fetch = keep(createHttpFetch({ clock, onlyCa: [caPem] }));
      return (token) => ({ server: url, token: async () => token, fetch });
    },
    fetch: keep(createHttpFetch({ clock, ...(service && { extraCa: [service.caPem] }) })),
    breakConnection: breakSocket,
    clusters,
    async close() {
      for (const close of closing) await close();
    },
  };
}

/** Both listeners give the application the same bindings. */
function listenTls(
  { fetch }: ActionsServiceSimulator["app"],
  port: number,
  certificate: ServerCertificate,
) {
  const app = { fetch: fetch as (request: Request) => Response | Promise<Response> };
  return listenApi(app, { port, certificate });
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
