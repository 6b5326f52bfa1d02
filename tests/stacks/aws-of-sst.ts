// Why: before SST's command starts anything it asks AWS for its own things: where its buckets are, the key of its state, the
// state itself, a lock. This answers like an account in which nothing was ever deployed.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface AwsOfSst {
  url: string;
  close(): void;
}

export async function startAwsOfSst(): Promise<AwsOfSst> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      const target = String(request.headers["x-amz-target"] ?? "");
      if (target.endsWith(".GetParameter")) {
        response.setHeader("content-type", "application/x-amz-json-1.1");
        return response.end(answerParameter(body));
      }
      // What is left is S3.
      response.setHeader("content-type", "application/xml");
      if (request.method !== "GET" && request.method !== "HEAD") return response.end();
      response.statusCode = 404;
      return response.end("<Error><Code>NoSuchKey</Code><Message>none</Message></Error>");
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  // `as`: a TCP server's address.
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => void server.close() };
}

function answerParameter(body: string): string {
  // `as`: SSM's GetParameter.
  const { Name } = JSON.parse(body) as { Name: string };
  const buckets = JSON.stringify({ version: 99, asset: "sst-asset", state: "sst-state" });
  const value = Name === "/sst/bootstrap" ? buckets : "a passphrase";
  return JSON.stringify({ Parameter: { Name, Value: value } });
}
