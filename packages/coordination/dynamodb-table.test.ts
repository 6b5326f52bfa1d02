import { createSystemClock } from "@runlet/runtime/clock";
import { describe, expect, it } from "vitest";
import { AwsError, createAwsCall } from "./aws-json.ts";
import { createDynamodbTable } from "./dynamodb-table.ts";
import { TableBusy, TableError } from "./table.ts";

/** A table whose next answer is given. */
function tableAnswering(answer: () => Response | Promise<Response>) {
  const call = createAwsCall(
    { clock: createSystemClock(), fetch: async () => answer() },
    { url: "https://dynamodb.test", target: "DynamoDB_20120810", json: "1.0" },
  );
  return createDynamodbTable(call, "runlet");
}

const put = (answer: () => Response | Promise<Response>) =>
  tableAnswering(answer)
    .put({ key: "lease/a", version: "1", value: {} }, { absent: true })
    .then(
      (result) => result,
      (error: unknown) => error,
    );
const refusal = (status: number, type: string, message = "no") =>
  put(() =>
    Response.json({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message }, { status }),
  );

const throttled = [
  "ProvisionedThroughputExceededException",
  "ThrottlingException",
  "RequestLimitExceeded",
];

describe("what DynamoDB answers to a put", () => {
  it("that there are too many calls, in three words: nothing has happened, later is sensible", async () => {
    for (const type of throttled) {
      expect(await refusal(400, type), type).toBeInstanceOf(TableBusy);
    }
  });
  it.each(["AccessDeniedException", "ResourceNotFoundException", "ValidationException"])(
    "%s: nothing has happened, and somebody must mend it",
    async (type) => {
      const error = await refusal(400, type, "what is wrong");
      expect(error).toBeInstanceOf(TableError);
      expect(String(error)).toBe(`TableError: table runlet: PutItem: ${type}: what is wrong`);
    },
  );
  it("500 and 503: nobody knows", async () => {
    for (const status of [500, 503]) {
      const error = await refusal(status, "InternalServerError");
      expect(error).toBeInstanceOf(AwsError);
    }
  });
  it("an answer that is cut off, or none: nobody knows", async () => {
    const cut = await put(() => new Response('{"ConsumedCap'));
    expect(String(cut)).toMatch(/^Error: PutItem: the answer is no JSON/);
    const lost = new Error("reset");
    expect(await put(() => Promise.reject(lost))).toBe(lost);
  });
  it("a load balancer's page instead of JSON is an error with its status", async () => {
    const error = await put(() => new Response("<html>", { status: 502 }));
    expect(String(error)).toBe("AwsError: PutItem: HTTP 502");
  });
});
