// Why: SST's components ask its command two things over JSON-RPC while they are put together: where its buckets are, and for
// a function's bundle. Here a file without content stands for the bundle (tests/bench makes the real ones).
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

export interface SstServer {
  url: string;
  close(): void;
}

/** `work`: where bundles lie, and SST's archives of them. */
export async function startSstServer(work: string): Promise<SstServer> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      // `as`: SST's own client (sst, platform/src/components/rpc/rpc.ts).
      const asked = JSON.parse(body) as { method: string; params: [Record<string, unknown>] };
      const { method, params } = asked;
      const answer = answers[method];
      // SST knows an absent method by these words.
      const error = answer ? null : `rpc: can't find method ${method}`;
      response.end(JSON.stringify({ result: answer?.(params[0], work) ?? null, error }));
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  // `as`: a TCP server's address.
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => void server.close() };
}

const answers: Record<string, (input: Record<string, unknown>, work: string) => object> = {
  "Provider.Aws.Bootstrap": answerBootstrap,
  "Runtime.Build": (input, work) => {
    const out = join(work, `${String(input["functionID"])}-src`);
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, "bundle.mjs"), "export const handler = async () => {};\n");
    return { out, handler: "bundle.handler", errors: [], sourcemaps: [] };
  },
};

/** Where SST keeps bundles and state. */
export function answerBootstrap() {
  return {
    asset: "sst-asset",
    state: "sst-state",
    assetEcrRegistryId: "",
    assetEcrUrl: "",
    appsyncHttp: "",
    appsyncRealtime: "",
  };
}
