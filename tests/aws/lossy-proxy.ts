// Why: the hardest thing a store can do is to commit and lose the answer. This stands between a client and DynamoDB Local
// and does that on a real socket; it also throttles in DynamoDB's own words, and loses requests.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Random } from "@runlet/runtime/random";

/** Chances from 0 to 1; may be changed while it runs. */
export interface ProxyFaults {
  /** It is done, and the connection ends before a byte of the answer. */
  loseAnswer: number;
  /** It is done, and the connection ends in the middle of the answer. */
  cutAnswer: number;
  /** It is not done, and the connection ends. */
  loseRequest: number;
  /** It is not done: ProvisionedThroughputExceededException. */
  throttle: number;
}

export interface LossyProxy {
  url: string;
  faults: ProxyFaults;
  /** How often each has happened. */
  counts: Record<keyof ProxyFaults, number>;
  close(): void;
}

const throttled = {
  __type: "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
  message: "The level of configured provisioned throughput for the table was exceeded.",
};

const forwarded = ["authorization", "content-type", "x-amz-date", "x-amz-target"];

export async function startLossyProxy(to: string, random: Random): Promise<LossyProxy> {
  const faults: ProxyFaults = { loseAnswer: 0, cutAnswer: 0, loseRequest: 0, throttle: 0 };
  const counts = { loseAnswer: 0, cutAnswer: 0, loseRequest: 0, throttle: 0 };
  const happens = (fault: keyof ProxyFaults) => {
    if (random.next() >= faults[fault]) return false;
    counts[fault]++;
    return true;
  };
  async function answer(request: IncomingMessage, response: ServerResponse) {
    const body = await readAll(request);
    if (happens("loseRequest")) return request.socket.destroy();
    if (happens("throttle")) return response.writeHead(400).end(JSON.stringify(throttled));
    const headers = forwarded.flatMap((name): [string, string][] => {
      const value = request.headers[name];
      return typeof value === "string" ? [[name, value]] : [];
    });
    const reply = await fetch(to, { method: "POST", headers, body }).catch(() => undefined);
    const text = await reply?.text();
    if (!reply || text === undefined || happens("loseAnswer")) return request.socket.destroy();
    response.writeHead(reply.status, { "content-length": Buffer.byteLength(text) });
    if (!happens("cutAnswer")) return response.end(text);
    response.write(text.slice(0, text.length / 2), () => request.socket.destroy());
  }
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  // A listening TCP server's address is an object.
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}`, faults, counts, close };
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}
