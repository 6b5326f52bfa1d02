// Why: the kubelet asks whether the process lives and works, Prometheus what it sees. A few pages of text are all
// that anybody outside ever gets from it.
import { createServer } from "node:http";

export interface Page {
  status: number;
  text: string;
  contentType?: string;
}

/** Where to listen; `host` undefined: on all addresses. */
export interface PageAddress {
  host?: string | undefined;
  port: number;
}

export interface ServedPages {
  port: number;
  close(): void;
}

/** Answers GET for each path; 404 else. Rejects when the port is taken; `flag` is the remedy then. */
export async function servePages(
  { host, port }: PageAddress,
  pages: Record<string, () => Page>,
  flag: string,
): Promise<ServedPages> {
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0] ?? "";
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    const { status, text, contentType = "text/plain" } = page?.() ?? { status: 404, text: "404\n" };
    response.writeHead(status, { "content-type": contentType }).end(text);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: Error & { code?: string }) => {
      const taken = error.code === "EADDRINUSE";
      reject(taken ? new Error(`port ${port} is in use: choose another with ${flag}`) : error);
    });
    server.listen(port, host, resolve);
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
