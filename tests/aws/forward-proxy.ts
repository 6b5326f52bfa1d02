// Why: where a function may reach AWS through a proxy only, AWS's names resolve at the proxy only. This is such a proxy for
// plain HTTP (RFC 9110 7.6, absolute-form requests), with names of its own.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ForwardProxy {
  url: string;
  /** How many requests have come for each host. */
  seen: Map<string, number>;
  close(): void;
}

/** `hosts`: what stands behind each name. */
export async function startForwardProxy(hosts: Record<string, string>): Promise<ForwardProxy> {
  const seen = new Map<string, number>();
  async function forward(request: IncomingMessage, response: ServerResponse) {
    const asked = new URL(request.url ?? "", "http://none");
    const target = hosts[asked.hostname];
    seen.set(asked.hostname, (seen.get(asked.hostname) ?? 0) + 1);
    if (!target) return response.writeHead(502).end();
    const body = await new Response(request as unknown as ReadableStream).text(); // Node reads its own streams
    const headers = Object.entries(request.headers).flatMap(([name, value]): [string, string][] =>
      typeof value === "string" && !hopByHop.has(name) ? [[name, value]] : [],
    );
    const { method = "GET" } = request;
    const answer = await fetch(target + asked.pathname + asked.search, {
      method,
      headers,
      ...(method !== "GET" && { body }),
    });
    response.writeHead(answer.status, { "content-type": "application/json" });
    response.end(await answer.text());
  }
  const server = createServer((request, response) => {
    forward(request, response).catch(() => response.writeHead(502).end());
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  // A listening TCP server's address is an object.
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}`, seen, close };
}

const hopByHop = new Set(["host", "connection", "content-length", "proxy-authorization"]);
