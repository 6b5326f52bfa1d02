// Why: the simulator on a socket of the loopback interface, closed without waiting for polls that
// are held.
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { Front } from "./routes.ts";

export interface ListeningServer {
  /** `http://127.0.0.1:PORT`. */
  url: string;
  /** Ends every connection, then resolves. */
  close(): Promise<void>;
}

/** A hono application, of ours or like them. */
interface Served {
  fetch(request: Request, env: Front): Response | Promise<Response>;
}

/** Rejects with one clear line when the port cannot be had. Port 0: any free one. */
export function listen(app: Served, port: number): Promise<ListeningServer> {
  const handle = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const server = createServer((incoming, outgoing) => void handle(incoming, outgoing));
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const inUse = error.code === "EADDRINUSE";
      reject(new Error(inUse ? `port ${port} is in use` : error.message, { cause: error }));
    });
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      const bound = address !== null && typeof address === "object" ? address.port : port;
      resolve({
        url: `http://127.0.0.1:${bound}`,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}
