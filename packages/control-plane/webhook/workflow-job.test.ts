import { expect, it } from "vitest";
import { parseWorkflowJob } from "./workflow-job.ts";

const body = (job: string) =>
  `{"action":"queued","workflow_job":${job},"repository":{"name":"shop","full_name":"Acme/shop","owner":{"login":"Acme"}}}`;

// Other ids of GitHub's have grown to 64 bits from one day to the next (octokit/request.js #797).
it("a job's ids keep every digit", () => {
  const job = parseWorkflowJob(body('{"id":3804004623172239366,"run_id":9007199254740993}'));
  expect(job).toMatchObject({ id: "3804004623172239366", runId: "9007199254740993" });
  expect(parseWorkflowJob(body('{"id":12,"run_id":34}'))).toMatchObject({ id: "12", runId: "34" });
});

it.each(['{"id":"x","run_id":1}', '{"id":1.5e300,"run_id":"-"}', '{"id":1}', "[]", "7"])(
  "%s is no job",
  (job) => {
    expect(parseWorkflowJob(body(job))).toBeUndefined();
  },
);

it.each([
  ["queued", "2026-11-25T10:00:00Z"],
  ["in_progress", "2026-11-25T10:01:00Z"],
  ["completed", "2026-11-25T10:09:00Z"],
])("the time of %s is GitHub's own, however late the delivery comes", (action, time) => {
  const times =
    '"created_at":"2026-11-25T10:00:00Z","started_at":"2026-11-25T10:01:00Z","completed_at":"2026-11-25T10:09:00Z"';
  const text = body(`{"id":1,"run_id":2,${times}}`).replace('"queued"', `"${action}"`);
  expect(parseWorkflowJob(text)?.at).toBe(Date.parse(time));
  expect(parseWorkflowJob(text.replaceAll(/"2026[^"]*"/g, "7"))?.at).toBeUndefined();
});
