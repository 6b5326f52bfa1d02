// Why: a port that is taken must be said before anything is emptied, written or started.
import { createServer } from "node:net";

/**
 * Rejects with one clear line, which names the flag (as in "webhook-port"), when the port of the loopback interface is
 * taken. Port 0 is always free.
 */
export function checkPort(flag: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      const inUse = error.code === "EADDRINUSE";
      reject(inUse ? new Error(`--${flag}: port ${port} is in use: choose another one`) : error);
    });
    server.listen(port, "127.0.0.1", () => server.close(() => resolve()));
  });
}
