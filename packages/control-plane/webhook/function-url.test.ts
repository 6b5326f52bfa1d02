// A function URL's event (payload format 2.0) may hand the body over in base64 or as it is: the signature is over the
// bytes that GitHub sent (SEC2).
import { createHmac } from "node:crypto";
import { handle, type LambdaEvent } from "hono/aws-lambda";
import { expect, it } from "vitest";
import { createSilentLog } from "@runlet/runtime/log";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { createWebhookApp } from "./app.ts";

const body = JSON.stringify({
  action: "queued",
  workflow_job: { id: 12, run_id: 34, name: "构建 🚀 é", labels: ["linux"] },
  repository: { name: "shop", full_name: "acme/shop", owner: { login: "acme" } },
});
const signature = `sha256=${createHmac("sha256", "s").update(body).digest("hex")}`;

function createHandler() {
  const woken: string[] = [];
  const app = createWebhookApp({
    clock: createVirtualClock(),
    log: createSilentLog(),
    wakes: {
      wake: async (shard) => (woken.push(shard), "invoked"),
      findFlag: async () => undefined,
      clear: async () => {},
    },
    secrets: async () => ["s"],
    findShards: async () => [{ shard: "shard-0", scaleSetKey: "set" }],
    seenBefore: async () => false,
    remember: async () => {},
    note: async () => {},
    count: () => {},
  });
  return { woken, handler: handle(app) };
}

function eventOf(text: string, isBase64Encoded: boolean): LambdaEvent {
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: "/",
    rawQueryString: "",
    headers: {
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(body)),
      "x-github-event": "workflow_job",
      "x-github-delivery": "d-1",
      "x-hub-signature-256": signature,
    },
    requestContext: {
      accountId: "anonymous",
      apiId: "abc",
      domainName: "abc.lambda-url.eu-central-1.on.aws",
      domainPrefix: "abc",
      requestId: "r-1",
      routeKey: "$default",
      stage: "$default",
      time: "01/Jan/2026:00:00:00 +0000",
      timeEpoch: 1_767_225_600_000,
      http: {
        method: "POST",
        path: "/",
        protocol: "HTTP/1.1",
        sourceIp: "140.82.115.1",
        userAgent: "GitHub-Hookshot/1",
      },
    },
    body: text,
    isBase64Encoded,
  } as unknown as LambdaEvent; // as AWS documents it: hono's type asks for more than a function URL sends
}

it.each([true, false])("a signed body counts, in base64 or not (%s)", async (isBase64) => {
  const { handler, woken } = createHandler();
  const text = isBase64 ? Buffer.from(body).toString("base64") : body;
  const answer = await handler(eventOf(text, isBase64));
  expect([answer.statusCode, woken]).toEqual([202, ["shard-0"]]);
});

it("a body with any one bit changed is refused, whatever bytes that makes", async () => {
  const { handler, woken } = createHandler();
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of [1, 0x80]) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(bytes.readUInt8(at) ^ bit, at);
      const answer = await handler(eventOf(changed.toString("base64"), true));
      expect(answer.statusCode, `byte ${at}`).toBe(401);
    }
  }
  expect(woken).toEqual([]);
});
