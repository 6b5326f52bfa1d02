import { createAwsFetch } from "@runlet/runtime/aws-fetch";
import type { Fetch, FetchInit } from "@runlet/runtime/fetch";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { describe, expect, it } from "vitest";
import { createLambdaInvoker } from "./lambda-invoker.ts";

const event = { shard: "shard-1", reason: "sweep" } as const;
const url = "https://lambda.eu-central-1.amazonaws.com";

function invokerOn(fetch: Fetch, functionName = "runlet-prod-poller") {
  const clock = createVirtualClock();
  return { clock, invoker: createLambdaInvoker({ fetch, clock, url, functionName }) };
}

describe("a wake through Lambda's Invoke API", () => {
  it("is an asynchronous, signed call with the event as its body", async () => {
    const sent: [string, FetchInit | undefined][] = [];
    const wire: Fetch = async (to, init) => {
      sent.push([to, init]);
      return new Response(null, { status: 202 });
    };
    const fetch = createAwsFetch(
      {
        fetch: wire,
        clock: { wallMs: () => 0 },
        credentials: async () => ({ accessKeyId: "AKID", secretAccessKey: "s", sessionToken: "t" }),
      },
      { service: "lambda", region: "eu-central-1" },
    );
    await invokerOn(fetch, "runlet-prod-poller:live").invoker.invoke(event);
    expect(sent).toMatchObject([
      [
        `${url}/2015-03-31/functions/runlet-prod-poller%3Alive/invocations`,
        {
          method: "POST",
          body: JSON.stringify(event),
          headers: {
            "x-amz-invocation-type": "Event",
            authorization: expect.stringContaining("/eu-central-1/lambda/aws4_request"),
          },
        },
      ],
    ]);
  });
  it("that is refused says why", async () => {
    const refusal = {
      Reason: "ReservedFunctionConcurrentInvocationLimitExceeded",
      message: "Rate Exceeded.",
    };
    const headers = { "x-amzn-errortype": "TooManyRequestsException:http://internal/" };
    const { invoker } = invokerOn(async () => Response.json(refusal, { status: 429, headers }));
    await expect(invoker.invoke(event)).rejects.toThrow(
      "invoking a poller for shard-1 was refused: TooManyRequestsException: Rate Exceeded.",
    );
  });
  it("that is not answered ends after five seconds", async () => {
    const { clock, invoker } = invokerOn(() => new Promise(() => {}));
    const end = invoker.invoke(event).catch(String);
    await clock.runFor(5_000);
    expect(await end).toContain("no answer within 5000 ms");
  });
});
