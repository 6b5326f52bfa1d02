// Why: the simulator on a socket is what kubectl and our own client see: TLS, HTTP/2 by ALPN as the real
// server offers it, and connections that break when a fault says so.
import { createAdaptorServer } from "@hono/node-server";
import { constants, createSecureServer, type Http2ServerRequest } from "node:http2";
import type { IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { ServerCertificate } from "./certificates.ts";

export interface ListeningApi {
  port: number;
  /** https://127.0.0.1:port */
  url: string;
  /** Stops listening and cuts every connection. */
  close(): Promise<void>;
}

/** Breaks the connection of a hono context that came over `listenApi`; elsewhere it does nothing. */
export function breakSocket(env: unknown): void {
  const { incoming } = (env ?? {}) as { incoming?: IncomingMessage | Http2ServerRequest };
  if (!incoming) return;
  // One stream of HTTP/2 is one exchange: the others on the connection go on.
  if ("stream" in incoming) incoming.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else incoming.socket.destroy();
}

/** Listens on loopback; rejects when the port is taken. Port 0: a free one. */
export async function listenApi(
  app: { fetch: (request: Request) => Response | Promise<Response> },
  options: { port: number; certificate: ServerCertificate },
): Promise<ListeningApi> {
  const { certificatePem, keyPem } = options.certificate;
  const sockets = new Set<Socket>();
  const server = createAdaptorServer({
    fetch: app.fetch,
    createServer: createSecureServer,
    serverOptions: { cert: certificatePem, key: keyPem, allowHTTP1: true },
  });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "EADDRINUSE" ? new Error(`port ${options.port} is in use`) : error),
    );
    server.listen(options.port, "127.0.0.1", resolve);
  });
  // A listening TCP server has an address with a port.
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
