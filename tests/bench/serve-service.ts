// Why: GitHub is spoken to over TLS, and what a long poll costs depends on whether that carries HTTP/1.1 or HTTP/2. The
// simulator's own listener is plain; for a benchmark it is served in each of the three ways.
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { listen } from "@runlet/simulators/actions-service/listen";
import type { ActionsServiceSimulator } from "@runlet/simulators/actions-service/simulator";
import type { ServerCertificate } from "@runlet/simulators/kube-api/certificates";
import { listenApi } from "@runlet/simulators/kube-api/listen";

export type ServiceProtocol = "http" | "https/1.1" | "https/2";

export interface ServedOptions {
  protocol: ServiceProtocol;
  port: number;
  certificate: ServerCertificate;
}

/** Listens on loopback; the returned function ends every connection. */
export async function serveService(
  { app }: ActionsServiceSimulator,
  { protocol, port, certificate }: ServedOptions,
): Promise<() => Promise<void>> {
  if (protocol === "http") return (await listen(app, port)).close;
  // Both adapters give the app the same two bindings as the simulator's own listener does.
  const fetch = app.fetch as (request: Request) => Response | Promise<Response>;
  if (protocol === "https/2") return (await listenApi({ fetch }, { port, certificate })).close;
  const server = createAdaptorServer({
    fetch,
    createServer: createTlsServer,
    serverOptions: {
      cert: certificate.certificatePem,
      key: certificate.keyPem,
      ALPNProtocols: ["http/1.1"],
    },
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const { port: bound } = server.address() as AddressInfo; // a TCP listener has a port
  if (bound !== port) throw new Error(`listens on ${bound} instead of ${port}`);
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      if ("closeAllConnections" in server) server.closeAllConnections();
    });
}
