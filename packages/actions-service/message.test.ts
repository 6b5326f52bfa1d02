// Why: messages come from servers of two generations, and one bad entry or a missing field has killed
// listeners before (ARC #4285, #4470). What can be read must be read, whatever stands beside it.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJson } from "./json.ts";
import { readMessage, readTime } from "./message.ts";
import { Unreadable } from "./wire.ts";

const statistics = {
  totalAvailableJobs: 2,
  totalAcquiredJobs: 0,
  totalAssignedJobs: 3,
  totalRunningJobs: 1,
  totalRegisteredRunners: 1,
  totalBusyRunners: 1,
  totalIdleRunners: 0,
};

/** The text a server sends: JSON in JSON. */
function wire(entries: string, more: Record<string, unknown> = {}): unknown {
  const outer = { messageId: 5, messageType: "RunnerScaleSetJobMessages", statistics, ...more };
  return parseJson(JSON.stringify({ body: entries, ...outer }));
}

function readSkipping(json: unknown) {
  const skipped: { messageType: string; reason: string }[] = [];
  return { message: readMessage(json, (what) => skipped.push(what)), skipped };
}

const available =
  `{"messageType":"JobAvailable","acquireJobUrl":"","runnerRequestId":101,"jobId":"5101",` +
  `"repositoryName":"repo","ownerName":"my-org","workflowRunId":987654321,"eventName":"push",` +
  `"jobWorkflowRef":"my-org/repo/.github/workflows/ci.yml@refs/heads/main",` +
  `"jobDisplayName":"build (1)","requestLabels":["my-set"],"queueTime":"2026-08-01T10:00:00Z"}`;

describe("a message", () => {
  test("of the acquire mode is read whole", () => {
    const { message, skipped } = readSkipping(wire(`[${available}]`));
    expect(skipped).toEqual([]);
    expect(message).toEqual({
      messageId: 5,
      statistics,
      skippedCount: 0,
      news: [
        {
          type: "JobAvailable",
          requestId: "101",
          jobId: "5101",
          ownerName: "my-org",
          repositoryName: "repo",
          workflowRef: "my-org/repo/.github/workflows/ci.yml@refs/heads/main",
          workflowRunId: "987654321",
          displayName: "build (1)",
          eventName: "push",
          requestLabels: ["my-set"],
          queuedAt: Date.UTC(2026, 7, 1, 10),
          assignedAt: undefined,
          runnerAssignedAt: undefined,
          finishedAt: undefined,
        },
      ],
    });
  });

  test("of the auto-assign mode is read whole: request id 0, a UUID, no queue time", () => {
    const assigned =
      `{"messageType":"JobAssigned","repositoryName":"r","ownerName":"o",` +
      `"workflowRunId":30225287326,"jobDisplayName":"build","eventName":"workflow_dispatch",` +
      `"jobWorkflowRef":"o/r/.github/workflows/ci.yml@refs/heads/main","requestLabels":["my-set"],` +
      `"scaleSetAssignTime":"2026-07-26T23:29:36Z",` +
      `"jobId":"bd59f43d-2e1a-567a-b5a4-c147b94d0766","runnerRequestId":0}`;
    const { message } = readSkipping(wire(`[${assigned}]`, { messageId: 100_000_001 }));
    expect(message).toMatchObject({ messageId: 100_000_001, skippedCount: 0 });
    expect(message.news[0]).toMatchObject({
      type: "JobAssigned",
      requestId: "0",
      jobId: "bd59f43d-2e1a-567a-b5a4-c147b94d0766",
      workflowRunId: "30225287326",
      queuedAt: undefined,
      assignedAt: Date.UTC(2026, 6, 26, 23, 29, 36),
    });
  });

  test("of a started and of a completed job names its runner and result", () => {
    const common = `"runnerId":42,"runnerName":"r-1","runnerRequestId":101,"jobId":"5101"`;
    const zero = `"runnerAssignTime":"0001-01-01T00:00:00Z"`;
    const { message } = readSkipping(
      wire(
        `[{"messageType":"JobStarted",${common}},` +
          `{"messageType":"JobCompleted","result":"canceled",${common},${zero}},` +
          `{"messageType":"JobCompleted","result":"canceled","runnerRequestId":1}]`,
      ),
    );
    expect(message.news).toMatchObject([
      { type: "JobStarted", runnerId: 42, runnerName: "r-1" },
      { type: "JobCompleted", runnerId: 42, result: "canceled", runnerAssignedAt: undefined },
      { type: "JobCompleted", runnerId: 0, runnerName: "", result: "canceled" },
    ]);
  });

  test("keeps every digit of 64-bit ids", () => {
    const ids = `"runnerRequestId":9007199254740993,"workflowRunId":9223372036854775807`;
    const { message } = readSkipping(wire(`[{"messageType":"JobAvailable",${ids}}]`));
    expect(message.news[0]).toMatchObject({
      requestId: "9007199254740993",
      workflowRunId: "9223372036854775807",
    });
  });

  test.each([
    ["a string", `"runnerRequestId":"77","jobId":5101,"requestLabels":null`, "77"],
    ["absent", `"jobId":5101`, "0"],
    ["null", `"runnerRequestId":null,"jobId":5101`, "0"],
  ])("takes a request id that is %s, and a job id that is a number", (_what, fields, requestId) => {
    const { message } = readSkipping(wire(`[{"messageType":"JobAssigned",${fields}}]`));
    expect(message.news).toMatchObject([{ requestId, jobId: "5101", requestLabels: [] }]);
  });

  test("is read in whatever case its keys are", () => {
    const { message } = readSkipping(
      parseJson(
        JSON.stringify({
          MessageId: 5,
          MESSAGETYPE: "RunnerScaleSetJobMessages",
          Body: '[{"MessageType":"JobStarted","RUNNERNAME":"r","jobid":"7"}]',
          Statistics: { TotalAssignedJobs: 4 },
        }),
      ),
    );
    expect(message).toMatchObject({ messageId: 5, statistics: { totalAssignedJobs: 4 } });
    expect(message.news).toMatchObject([{ type: "JobStarted", runnerName: "r", jobId: "7" }]);
  });

  test("tells of a started job also when its request id cannot be read", () => {
    const fields = `"runnerRequestId":{},"runnerName":"r-1","runnerId":"x"`;
    const { message } = readSkipping(wire(`[{"messageType":"JobStarted",${fields}}]`));
    expect(message.news).toMatchObject([{ type: "JobStarted", requestId: "0", runnerName: "r-1" }]);
  });

  test.each([undefined, null, "", "[]", "null"])("with the body %j has no news", (body) => {
    const { message } = readSkipping(wire("", { body }));
    expect(message).toMatchObject({ news: [], skippedCount: 0, statistics });
  });

  test("with a body that is nested two hundred thousand deep has no news, and its statistics", () => {
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      const { message } = readSkipping(
        wire("", { body: `${open.repeat(200_000)}1${close.repeat(200_000)}` }),
      );
      expect(message).toMatchObject({ news: [], statistics });
    }
  });

  test("loses only what cannot be read, and says what that was", () => {
    const bad = `{"messageType":"JobAvailable","runnerRequestId":true}`;
    const strange = `{"messageType":"JobTeleported","runnerRequestId":1}`;
    const { message, skipped } = readSkipping(
      wire(`[${available},${bad},${strange},7,null,{},${available}]`),
    );
    expect(message.news).toHaveLength(2);
    expect(message).toMatchObject({ skippedCount: 5, statistics });
    expect(skipped.map(({ messageType }) => messageType)).toEqual([
      "JobAvailable",
      "JobTeleported",
      "",
      "",
      "",
    ]);
  });

  test.each([
    ["an unknown outer type", { messageType: "SomethingNew" }],
    ["no outer type", { messageType: undefined }],
    ["a body that is no list", { body: '{"a":1}' }],
    ["a body that is cut off", { body: '[{"messageType":"JobAv' }],
  ])("with %s can still be acknowledged and its statistics acted on", (_what, more) => {
    const { message, skipped } = readSkipping(wire(`[${available}]`, more));
    expect(message).toMatchObject({ messageId: 5, news: [], skippedCount: 1, statistics });
    expect(skipped).toHaveLength(1);
  });

  test.each([
    ["null", null],
    ["absent", undefined],
    ["without an assigned count", { totalRunningJobs: 1 }],
    ["with an assigned count that is no number", { ...statistics, totalAssignedJobs: "3" }],
    ["with a negative assigned count", { ...statistics, totalAssignedJobs: -1 }],
  ])("with statistics %s has news and no statistics: 0 would mean scale down", (_what, wrong) => {
    const { message } = readSkipping(wire(`[${available}]`, { statistics: wrong }));
    expect(message.statistics).toBeUndefined();
    expect(message.news).toHaveLength(1);
  });

  test.each([[{}], [null], ["text"], [{ messageId: "x" }], [{ messageId: 1.5 }]])(
    "%j has no id and is unreadable",
    (json) => {
      expect(() => readMessage(json)).toThrow(Unreadable);
    },
  );

  test("of any content at all never throws and keeps its statistics", () => {
    const entry = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          messageType: fc.constantFrom("JobAvailable", "JobAssigned", "JobStarted", "JobCompleted"),
          runnerRequestId: fc.jsonValue(),
          jobId: fc.jsonValue(),
          requestLabels: fc.jsonValue(),
          queueTime: fc.jsonValue(),
          runnerId: fc.jsonValue(),
        },
        { requiredKeys: ["messageType"] },
      ),
    );
    fc.assert(
      fc.property(fc.array(entry), fc.jsonValue(), (entries, extra) => {
        const body = JSON.stringify(entries);
        const { message } = readSkipping(wire(body, { extra }));
        expect(message.statistics).toEqual(statistics);
        expect(message.news.length + message.skippedCount).toBe(entries.length);
        for (const news of message.news) expect(news.requestId).toMatch(/^-?\d+$/);
      }),
      { seed: 20_261_124, numRuns: 300 },
    );
  });
});

describe("a time", () => {
  test.each([
    ["2026-08-01T10:00:00Z", Date.UTC(2026, 7, 1, 10)],
    ["2026-08-01T12:00:00+02:00", Date.UTC(2026, 7, 1, 10)],
    ["2026-08-01T10:00:00.1234567Z", Date.UTC(2026, 7, 1, 10, 0, 0, 123)],
    ["2026-08-01T10:00:00", Date.UTC(2026, 7, 1, 10)],
    ["0001-01-01T00:00:00Z", undefined],
    ["0001-01-01T00:00:00", undefined],
    ["", undefined],
    ["yesterday", undefined],
    [null, undefined],
    [undefined, undefined],
    [1_785_578_400, undefined],
  ])("%j is %j", (text, at) => {
    expect(readTime(text)).toBe(at);
  });
});
