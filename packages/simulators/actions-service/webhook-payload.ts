// Why: the body of a workflow_job webhook, as far as a receiver may read it
// (docs.github.com, "Webhook events and payloads", workflow_job).
import type { Job } from "../job-ledger/ledger.ts";

export type WebhookAction = "queued" | "in_progress" | "completed";

/** GitHub's words for how a job ended; the Actions Service has its own. */
const conclusions: Record<string, string> = {
  succeeded: "success",
  failed: "failure",
  canceled: "cancelled",
  abandoned: "failure",
};

/**
 * `wall` turns an instant of the ledger into milliseconds since 1970; `webUrl` is where people find
 * repositories: it tells one GitHub from another.
 */
export function workflowJobPayload(
  action: WebhookAction,
  job: Job,
  wall: (at: number) => number,
  webUrl: string,
): Record<string, unknown> {
  const time = (at: number | undefined) =>
    at === undefined ? null : new Date(wall(at)).toISOString().replace(/\.\d+Z$/, "Z");
  const fullName = `${job.owner}/${job.repository}`;
  const html = `${webUrl}/${fullName}`;
  const runId = job.workflowRunId;
  const id = 40_000_000_000n + BigInt(job.key.replace(/\D/g, ""));
  const owner = { login: job.owner, id: 1, type: "Organization", site_admin: false };
  const outcome = job.outcome ?? "";
  return {
    action,
    workflow_job: {
      id,
      run_id: runId,
      workflow_name: "ci",
      head_branch: "main",
      run_url: `https://api.github.com/repos/${fullName}/actions/runs/${runId}`,
      run_attempt: 1,
      node_id: `CR_${job.key}`,
      head_sha: "0123456789abcdef0123456789abcdef01234567",
      url: `https://api.github.com/repos/${fullName}/actions/jobs/${id}`,
      html_url: `${html}/actions/runs/${runId}/job/${id}`,
      status: action,
      conclusion: action === "completed" ? (conclusions[outcome] ?? outcome) : null,
      created_at: time(job.queuedAt),
      started_at: time(job.startedAt ?? job.queuedAt),
      completed_at: action === "completed" ? time(job.finishedAt) : null,
      name: job.displayName,
      steps: [],
      check_run_url: `https://api.github.com/repos/${fullName}/check-runs/${id}`,
      labels: job.labels,
      runner_id: job.runnerId ?? null,
      runner_name: job.runnerName ?? null,
      runner_group_id: job.runnerId === undefined ? null : 1,
      runner_group_name: job.runnerId === undefined ? null : "Default",
    },
    repository: {
      id: 1,
      node_id: "R_1",
      name: job.repository,
      full_name: fullName,
      private: true,
      owner,
      html_url: html,
    },
    organization: { login: job.owner, id: 1, node_id: "O_1" },
    ...(job.enterprise === undefined ? {} : { enterprise: { id: 1, slug: job.enterprise } }),
    sender: { login: "octocat", id: 583_231, type: "User" },
  };
}
