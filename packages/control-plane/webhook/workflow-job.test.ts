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
