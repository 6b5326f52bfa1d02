// Why: "in the middle" must not be a guess with a clock. Between the reconciler and the API server stands this proxy, which
// counts writes and strikes at the very one that was drawn, before it has had its effect or after.
import { createServer, request, type RequestOptions } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream";
import { createTestCa } from "@runlet/runtime/http-fixture";

export interface WriteProxy {
  /** To be given to the client in place of the server's own. */
  server: string;
  caPem: string;
  /**
   * Calls `strike` at the `nth` write from now on; resolves then. That write is not let through ("before"), or it is
   * done and its answer held back ("after").
   */
  atWrite(nth: number, when: "before" | "after", strike: () => void): Promise<void>;
  close(): void;
}

const reads = new Set(["GET", "HEAD"]);

/** `to`: the API server and its CA. */
export async function startWriteProxy(to: { server: string; caPem: string }): Promise<WriteProxy> {
  const ca = await createTestCa("write proxy");
  const leaf = await ca.issue("proxy", "IP:127.0.0.1");
  let due: { left: number; when: "before" | "after"; strike: () => void } | undefined;

  function forward(from: IncomingMessage, back: ServerResponse, answer: typeof passOn) {
    const { method, headers } = from;
    const options: RequestOptions = { method, headers, ca: to.caPem };
    const call = request(new URL(from.url ?? "/", to.server), options, (got) => answer(got, back));
    call.on("error", () => back.destroy());
    // Who leaves (a watch that is cut) leaves there too.
    back.on("close", () => call.destroy());
    from.pipe(call);
  }

  const server = createServer({ cert: leaf.certificatePem, key: leaf.keyPem }, (from, back) => {
    const hit = due && !reads.has(from.method ?? "") && --due.left === 0 ? due : undefined;
    if (!hit) return forward(from, back, passOn);
    due = undefined;
    if (hit.when === "after")
      return forward(from, back, (got) => got.resume().on("end", hit.strike));
    hit.strike();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return {
    server: `https://127.0.0.1:${port}`,
    caPem: ca.certificatePem,
    atWrite: (left, when, strike) =>
      new Promise((resolve) => {
        due = { left, when, strike: () => (strike(), resolve()) };
      }),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function passOn(got: IncomingMessage, back: ServerResponse): void {
  back.writeHead(got.statusCode ?? 502, got.headers);
  back.flushHeaders();
  // Unlike pipe() it also hands on that the server has broken off.
  pipeline(got, back, () => {});
}
