// Why: a bundle of the cloud reaches AWS over HTTP, and for a measurement of the bundle its answers must come quickly and
// from this process: a table in memory, secrets and keys, in AWS's JSON protocol.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { AwsError } from "@runlet/coordination/aws-json";
import * as z from "zod/mini";
import { createMemoryDynamodb, type MemoryDynamodb } from "./cost/memory-dynamodb.ts";

export interface AccountServer {
  url: string;
  dynamodb: MemoryDynamodb;
  /** By name; may be added to. */
  secrets: Map<string, string>;
  close(): void;
}

type Answer = (operation: string, input: object) => Promise<unknown>;

/** Listens on loopback. Signatures are not looked at. */
export async function serveAccount(): Promise<AccountServer> {
  const dynamodb = createMemoryDynamodb(() => {});
  const secrets = new Map<string, string>();
  const services: Record<string, Answer> = {
    DynamoDB_20120810: dynamodb.call,
    secretsmanager: async (operation, input) => readSecret(secrets, operation, input),
    TrentService: async (_, input) => wrapKey(input),
  };
  const server = createServer((request, answer) => {
    const [service = "", operation = ""] = String(request.headers["x-amz-target"]).split(".");
    const respond = async () => {
      const call = services[service];
      if (!call) throw new Error(`nobody plays ${service} here`);
      return call(operation, JSON.parse(await readBody(request)) as object); // the protocol's shape
    };
    respond().then(
      (body) => answer.writeHead(200).end(JSON.stringify(body)),
      (error: unknown) => {
        const told = error instanceof AwsError ? error.answer : { message: String(error) };
        answer.writeHead(error instanceof AwsError ? error.status : 500).end(JSON.stringify(told));
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a TCP listener has a port
  return {
    url: `http://127.0.0.1:${port}`,
    dynamodb,
    secrets,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const named = z.object({ SecretId: z.string() });

function readSecret(secrets: ReadonlyMap<string, string>, operation: string, input: object) {
  const SecretString = secrets.get(named.parse(input).SecretId);
  if (SecretString !== undefined) return { SecretString };
  throw new AwsError(operation, 400, { __type: "ResourceNotFoundException" });
}

/** Every data key is the same one: what it protects is a measurement. */
function wrapKey(input: object): object {
  const Plaintext = Buffer.alloc(32, 7).toString("base64");
  const CiphertextBlob = Buffer.alloc(184, 7).toString("base64");
  return "CiphertextBlob" in input ? { Plaintext } : { Plaintext, CiphertextBlob };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer); // no encoding is set
  return Buffer.concat(chunks).toString();
}
