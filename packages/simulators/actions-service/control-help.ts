// Why: the simulator alone must explain itself: to whoever starts it, and to whoever drives it.

export const help = `GitHub's Actions Service for runner scale sets, simulated.

usage: npm run simulator:actions-service -- [--port N] [options]

  --port N             port on 127.0.0.1 (default 0: any free one)
  --mode MODE          acquire: jobs are announced and acquired (GitHub Enterprise Server);
                       auto-assign: they are assigned to polls with room (github.com);
                       default acquire
  --hold-ms N          how long a poll without a message is held (default 50000)
  --pat TOKEN          the personal access token that is good (default: a new one, which the
                       ready line tells)
  --app-id ID          with the next two: a GitHub App that is good as well
  --app-installation N   its installation
  --app-public-key FILE  PEM of its public key
  --webhook-url URL    where workflow_job webhooks go
  --webhook-secret S   what they are signed with
  --seed N             repeat the ids and the chances of a run
  --json               one JSON object as ready line: {"ready":true,"url":…,"token":…}
  --help               this text

Exit code 0 after SIGINT or SIGTERM, 2 for a mistake in the call, 1 for everything else.
Point any client at http://127.0.0.1:N/ORG (also ORG/REPO, enterprises/NAME): every one exists.

Control API, JSON, without a token:

  POST  /_control/jobs             {"scaleSet":NAME | "labels":[…], "count":1,
                                    "repository":"OWNER/NAME", "owner":…,
                                    "durationMs":1000, "result":"succeeded"}
                                   owner may be left out when one organisation has the scale set
  POST  /_control/jobs/ID/finish   {"result":"failed"}   ends a running job
  POST  /_control/jobs/ID/cancel                         ends a job wherever it stands
  GET   /_control/ledger           every job, the counts, each scale set's statistics and messages
  GET   /_control/sessions         open message sessions
  GET   /_control/runners          registered runners
  GET   /_control/requests         every request that arrived, without secrets
  PATCH /_control/knobs            {"holdMs":500, …}; {} shows all of them
  POST  /_control/faults           {"route":"poll", "times":1, "status":503
                                    | "delayMs":200 | "drop":"before"|"after"
                                    | "hang":true | "answer":"empty-body"|"null-statistics"|…,
                                    "scaleSet":NAME, "chance":0.5, "retryAfter":"2",
                                    "afterCommit":true, "body":…}

Simulated runners connect under /_runner/ with the credential of their JIT config
(packages/simulators/actions-service/simulated-runner-routes.ts).
`;
