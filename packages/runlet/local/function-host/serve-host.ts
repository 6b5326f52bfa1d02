// Why: a poller starts its successor, a sweep wakes shards: both call the Invoke API
// (docs.aws.amazon.com/lambda/latest/api/API_Invoke.html) of the deployment they run in, here ours.
// A function URL is the webhook's door (…/dg/urls-invocation.html): HTTP in, a version 2.0 event out.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "@runlet/runtime/clock";
import type { FunctionHost } from "./function-host.ts";

/** A listening front. */
export interface Front {
  url: string;
  close(): Promise<void>;
}

/**
 * Serves `POST /2015-03-31/functions/NAME/invocations`; `X-Amz-Invocation-Type: Event` is asynchronous. Callers put
 * `prefix` before the name that the host knows.
 */
export function serveInvokeApi(host: FunctionHost, prefix = ""): Promise<Front> {
  return serve(0, async (request, answer) => {
    const path = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(request.url ?? "");
    const [, called = ""] = path ?? [];
    const name = called.startsWith(prefix) ? called.slice(prefix.length) : "";
    if (!name || request.method !== "POST") return void answer.writeHead(404).end();
    const payload = (await readBody(request)).toString("utf8") || "{}";
    if (request.headers["x-amz-invocation-type"] === "Event") {
      await host.invokeAsync(name, payload);
      return void answer.writeHead(202).end();
    }
    const result = await host.invoke(name, payload);
    if (result.ok) return void answer.writeHead(200).end(result.payload);
    answer.writeHead(200, { "x-amz-function-error": "Unhandled" }).end(result.error);
  });
}

/** Serves a function URL for `name` on `port` (0: any). Bodies are handed over in base64, as Lambda may. */
export function serveFunctionUrl(
  deps: { host: FunctionHost; clock: Clock },
  name: string,
  port: number,
): Promise<Front> {
  return serve(port, async (request, answer) => {
    const body = await readBody(request);
    const result = await deps.host.invoke(name, JSON.stringify(toEvent(request, body, deps.clock)));
    if (!result.ok) return void answer.writeHead(502).end("Internal Server Error");
    const {
      statusCode,
      headers,
      body: out,
      isBase64Encoded,
    } = JSON.parse(result.payload) as {
      statusCode: number;
      headers?: Record<string, string>;
      body?: string;
      isBase64Encoded?: boolean;
    }; // the shape of a function URL's answer, made by hono's adapter
    answer.writeHead(statusCode, headers);
    answer.end(Buffer.from(out ?? "", isBase64Encoded ? "base64" : "utf8"));
  });
}

function toEvent(request: IncomingMessage, body: Buffer, clock: Clock) {
  const [path = "/", query = ""] = (request.url ?? "/").split("?");
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: query,
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([key, value]) => [key, String(value)]),
    ),
    requestContext: {
      accountId: "anonymous",
      apiId: "local",
      domainName: request.headers.host ?? "localhost",
      domainPrefix: "local",
      requestId: "local",
      routeKey: "$default",
      stage: "$default",
      time: new Date(clock.wallMs()).toISOString(),
      timeEpoch: Math.round(clock.wallMs()),
      http: {
        method: request.method ?? "GET",
        path,
        protocol: "HTTP/1.1",
        sourceIp: request.socket.remoteAddress ?? "127.0.0.1",
        userAgent: request.headers["user-agent"] ?? "",
      },
    },
    body: body.toString("base64"),
    isBase64Encoded: true,
  };
}

// Lambda's own limit for a synchronous request: 6 MB.
const bodyMax = 6 * 1024 * 1024;

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = chunk as Buffer; // no encoding is set
    size += bytes.length;
    if (size > bodyMax) throw new TooLarge();
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

class TooLarge extends Error {}

async function serve(
  port: number,
  handle: (request: IncomingMessage, answer: ServerResponse) => Promise<void>,
): Promise<Front> {
  const server: Server = createServer((request, answer) => {
    handle(request, answer).catch((error: unknown) => {
      if (!answer.headersSent) answer.writeHead(error instanceof TooLarge ? 413 : 500);
      answer.end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "EADDRINUSE" ? new Error(`port ${port} is in use`) : error),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
  const bound = (server.address() as AddressInfo).port; // a TCP listener has a port
  return {
    url: `http://127.0.0.1:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
