// Why: the kubelet asks whether the process lives and whether it works; a reconciler whose caches are not filled
// does not work yet.
import { createServer } from "node:http";

/** Answers /healthz with 200, /readyz with 200 or 503, on all addresses. Rejects when the port is taken. */
export async function serveProbes(
  port: number,
  isReady: () => boolean,
): Promise<{ port: number; close(): void }> {
  const server = createServer((request, response) => {
    const known = request.url === "/healthz" || request.url === "/readyz";
    const status = !known ? 404 : request.url === "/healthz" || isReady() ? 200 : 503;
    response.writeHead(status, { "content-type": "text/plain" }).end(`${status}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: Error & { code?: string }) => {
      const taken = error.code === "EADDRINUSE";
      reject(taken ? new Error(`port ${port} is in use: choose another with --probe-port`) : error);
    });
    server.listen(port, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
