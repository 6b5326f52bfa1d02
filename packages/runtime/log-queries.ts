// Why: every decision is a log line with fields (log.ts), so most questions are one query of CloudWatch Logs Insights. Those
// that one asks at night are saved with the deployment; docs/operate.md explains them.

export interface LogQuery {
  name: string;
  /** The question it answers. */
  answers: string;
  /** CloudWatch Logs Insights over the three functions' log groups. Words in capitals are for the asker to fill in. */
  query: string;
}

const lines = (...parts: string[]) => parts.join("\n| ");

export const logQueries: readonly LogQuery[] = [
  {
    name: "follow-run",
    answers: "What became of each job of one workflow run, from its webhook to its runner's pod?",
    query: lines(
      "fields @timestamp, event, jobName, runnerName, result, scaleSet, shard",
      'filter runId = "RUN_ID"',
      "sort @timestamp",
    ),
  },
  {
    name: "follow-scale-set",
    answers: "What was decided for one scale set, and why?",
    query: lines(
      "fields @timestamp, event, desired, replicas, patchId, assigned, why, target, fence, reason, message, error",
      'filter scaleSet = "github.com/ORG:ID"',
      "sort @timestamp desc",
      "limit 200",
    ),
  },
  {
    name: "errors",
    answers: "What went wrong, how often, and when last?",
    query: lines(
      'filter level in ["warn", "error"]',
      "stats count() as times, latest(@timestamp) as last by level, event",
      "sort times desc",
    ),
  },
  {
    name: "shards",
    answers: "Who served which shard, and how did each invocation end?",
    query: lines(
      "fields @timestamp, event, shard, fence, from, reason, why, successor, released, lookDueAt, woken, error",
      'filter event in ["shard_taken", "shard_handed_over", "shard_rests", "shard_lost", "lease_lost", "lease_not_renewed", "successor_not_started", "successor_missing", "neighbour_died", "poller_left_to_sweep", "sweep_woke"]',
      "sort @timestamp desc",
      "limit 200",
    ),
  },
  {
    name: "busiest-scale-sets",
    answers: "Which scale sets have started how many jobs?",
    query: lines(
      'filter event = "job_started"',
      "stats count() as jobs by scaleSet",
      "sort jobs desc",
      "limit 50",
    ),
  },
  {
    name: "owed",
    answers: "Which clusters did not take what was decided, and why not?",
    query: lines(
      'filter event = "desired_count_owed"',
      "stats count() as times, latest(why) as lastWhy, latest(error) as lastError by target",
      "sort times desc",
    ),
  },
  {
    name: "credentials",
    answers: "Which scopes have no good credential, and which ends soon?",
    query: lines(
      "fields @timestamp, event, scope, configUrl, why, remedy, daysLeft, reason, message, error",
      'filter event in ["credential_refused", "credential_ends_soon", "credential_not_checked", "credential_failed", "scale_set_without_credential", "scope_without_credential", "admin_connection_failed"]',
      "sort @timestamp desc",
      "limit 100",
    ),
  },
  {
    name: "clusters",
    answers: "Which clusters did not answer or refused, and what did they say last?",
    query: lines(
      'filter event in ["cluster_silent", "cluster_unreachable", "cluster_answers_but_refuses", "cluster_without_access", "cluster_access_failed", "cluster_access_not_renewed", "cluster_answers_again"]',
      "stats count() as times, latest(@timestamp) as last, latest(error) as lastError, latest(remedy) as whatToDo by cluster, event",
      "sort last desc",
    ),
  },
  {
    name: "refused-sets",
    answers: "Which runner sets does nobody serve although they are there, and why?",
    query: lines(
      'filter event in ["runner_set_refused", "runner_set_unreadable", "target_of_another_installation", "session_held_by_another", "scale_set_unowned", "checkpoint_unreadable"]',
      "stats count() as times, latest(@timestamp) as last, latest(why) as lastWhy, latest(remedy) as whatToDo by event, target, scaleSet, name",
      "sort last desc",
    ),
  },
  {
    name: "webhooks",
    answers: "Which webhooks were refused, failed or sent again?",
    query: lines(
      'filter event like /^webhook/ and event != "webhook_matched"',
      "stats count() as times, latest(@timestamp) as last by event, why",
      "sort times desc",
    ),
  },
];
