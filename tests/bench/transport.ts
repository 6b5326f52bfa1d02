// Why: the world's servers on sockets, as the demo has them, with two differences: the service may speak TLS, and the
// instant at which a PATCH of a runner set reaches the Kubernetes API is on record.
import { join } from "node:path";
import type { Clock } from "@runlet/runtime/clock";
import { createHttpFetch, type HttpFetch } from "@runlet/runtime/http";
import type { ServedCluster, SocketTransport } from "@runlet/runlet/world/transport-sockets";
import { getServerCertificate } from "@runlet/simulators/kube-api/certificates";
import { breakSocket, listenApi } from "@runlet/simulators/kube-api/listen";
import { freePorts } from "@runlet/runlet/programs/free-ports";
import { serveService, type ServiceProtocol } from "./serve-service.ts";

/** A PATCH of an EphemeralRunnerSet's spec, as its headers arrived. */
export interface ArrivedPatch {
  at: number;
  runnerSet: string;
}

export interface TransportOptions {
  home: string;
  protocol: ServiceProtocol;
  onPatch: (patch: ArrivedPatch) => void;
}

const runnerSetPath = /\/ephemeralrunnersets\/([^/?]+)(\?|$)/;

export async function createBenchTransport(
  { clock }: { clock: Clock },
  { home, protocol, onPatch }: TransportOptions,
): Promise<SocketTransport> {
  const [port] = await freePorts();
  const certificate = await getServerCertificate(join(home, "certificates"), clock.wallMs());
  const closing: (() => unknown)[] = [];
  const clusters = new Map<string, ServedCluster>();
  const keep = (fetch: HttpFetch) => {
    closing.push(() => fetch.close());
    return fetch;
  };
  const note = ({ method, url }: Request) => {
    const at = clock.nowMs();
    const name = method === "PATCH" ? runnerSetPath.exec(url)?.[1] : undefined;
    if (name !== undefined) onPatch({ at, runnerSet: name });
  };
  return {
    serviceUrl: `${protocol === "http" ? "http" : "https"}://127.0.0.1:${port}`,
    async serveService(service) {
      closing.unshift(await serveService(service, { protocol, port, certificate }));
    },
    async serveCluster(name, api) {
      const fetchApi = (...call: Parameters<typeof api.app.fetch>) => {
        note(call[0]);
        return api.app.fetch(...call);
      };
      const { url, close } = await listenApi({ fetch: fetchApi }, { port: 0, certificate });
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
