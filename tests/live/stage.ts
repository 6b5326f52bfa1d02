// Why: what happens between AWS's services no emulator plays: how a function URL hands a body over, how soon the notice of a
// failed invocation comes, what is allowed to call itself.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createAwsFetch } from "@runlet/runtime/aws-fetch";
import type { Fetch } from "@runlet/runtime/fetch";
import { createHttpFetch } from "@runlet/runtime/http";
import { readAwsStage } from "@runlet/runtime/settings-aws";
import { attempt, awsNeeds } from "./aws.ts";
import type { CheckRun, Finding, LiveCheck } from "./live-check.ts";

export const stage: LiveCheck = {
  name: "stage",
  asks: "Does a deployed scratch stage start, answer webhooks, and tell of a failed poller?",
  does: [
    "sends an unsigned and a signed webhook (event ping, which wakes nobody)",
    "reads what Lambda keeps of the poller: recursion, retries, destination",
    "with RUNLET_LIVE_FAIL=1: invokes the poller with a shard that cannot be (one error in function-errors), and looks in the sweep's log for the notice",
    "run it again while `sst deploy` updates the stage, and the day after",
  ],
  needs: {
    ...awsNeeds,
    RUNLET_LIVE_STAGE: "the scratch stage",
    RUNLET_LIVE_WEBHOOK_URL: "what sst deploy printed as webhookUrl",
    RUNLET_LIVE_WEBHOOK_SECRET_FILE: "a file with the webhook's secret",
  },
  takes: { RUNLET_LIVE_FAIL: "1: also let one poller fail" },
  run: look,
};

async function look(run: CheckRun): Promise<Finding[]> {
  const http = createHttpFetch({ clock: run.clock });
  try {
    return [
      ...(await lookAtWebhook(run, http)),
      ...(await lookAtPoller(run, http)),
      ...(run.option("RUNLET_LIVE_FAIL") === "1" ? [await letFail(run, http)] : []),
    ];
  } finally {
    http.close();
  }
}

async function lookAtWebhook(run: CheckRun, fetch: Fetch): Promise<Finding[]> {
  const secret = readFileSync(run.value("RUNLET_LIVE_WEBHOOK_SECRET_FILE"), "utf8").trim();
  const body = JSON.stringify({ zen: "naïve – ✓" });
  const good = `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
  const send = async (signature: string) => {
    const startedAt = run.clock.nowMs();
    const answer = await fetch(run.value("RUNLET_LIVE_WEBHOOK_URL"), {
      method: "POST",
      body,
      headers: {
        "content-type": "application/json",
        "x-github-event": "ping",
        "x-github-delivery": run.random.uuid(),
        "x-hub-signature-256": signature,
      },
    });
    await answer.text();
    return { status: answer.status, ms: Math.round(run.clock.nowMs() - startedAt) };
  };
  const expect = (status: number, signature: string) => async (): Promise<[boolean, string]> => {
    const seen = await send(signature);
    return [seen.status === status, `HTTP ${seen.status} after ${seen.ms} ms`];
  };
  return [
    await attempt("a wrong signature is answered 401", expect(401, `sha256=${"0".repeat(64)}`)),
    await attempt("a signed body arrives as it was sent: 202", expect(202, good)),
  ];
}

function callLambda(run: CheckRun, fetch: Fetch, service: "lambda" | "logs") {
  const account = readAwsStage(run.value("RUNLET_LIVE_STAGE"));
  const { region, credentials } = account;
  const url =
    service === "lambda" ? account.urlOf("lambda") : `https://logs.${region}.amazonaws.com`;
  const signed = createAwsFetch({ fetch, clock: run.clock, credentials }, { service, region });
  return { signed, url, poller: account.pollerFunction };
}

async function lookAtPoller(run: CheckRun, fetch: Fetch): Promise<Finding[]> {
  const { signed, url, poller } = callLambda(run, fetch, "lambda");
  const ask = async (path: string) => {
    const answer = await signed(`${url}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  return [
    await attempt("a poller may start its successor for ever", async () => {
      const { status, text } = await ask(`/2024-08-31/functions/${poller}/recursion-config`);
      return [text.includes('"Allow"'), `HTTP ${status} ${text.slice(0, 80)}`];
    }),
    await attempt("a failed poller is not retried, and its notice goes to the sweep", async () => {
      const { status, text } = await ask(`/2019-09-25/functions/${poller}/event-invoke-config`);
      const holds = /"MaximumRetryAttempts":\s*0/.test(text) && /OnFailure.*-sweep/.test(text);
      return [holds, holds ? "0 retries, to the sweep" : `HTTP ${status}`];
    }),
  ];
}

/** The last of a chain: the sweep says that it leaves the shard, and starts nobody. */
const event = { shard: "live check", reason: "failure", failures: 6 };
const waitMs = 180_000;

async function letFail(run: CheckRun, fetch: Fetch): Promise<Finding> {
  const { clock, tell } = run;
  const { signed, url, poller } = callLambda(run, fetch, "lambda");
  const logs = callLambda(run, fetch, "logs");
  const logGroupName = `/aws/lambda/${poller.replace(/-poller$/, "-sweep")}`;
  const search = async (startTime: number) => {
    const answer = await logs.signed(logs.url, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "Logs_20140328.FilterLogEvents",
      },
      body: JSON.stringify({ logGroupName, startTime, filterPattern: '"poller_left_to_sweep"' }),
    });
    return /"timestamp":\s*(\d+)/.exec(await answer.text())?.[1];
  };
  return attempt("the notice of a failed poller comes within 10 s", async () => {
    const startedAt = clock.wallMs();
    const until = clock.nowMs() + waitMs;
    const headers = { "x-amz-invocation-type": "Event" };
    const body = JSON.stringify(event);
    const path = `/2015-03-31/functions/${poller}/invocations`;
    const { status } = await signed(`${url}${path}`, { method: "POST", headers, body });
    if (status !== 202) return [false, `invoking the poller: HTTP ${status}`];
    while (clock.nowMs() < until) {
      tell("waiting for the notice in the sweep's log …");
      const found = await search(startedAt);
      if (found !== undefined) {
        const afterMs = Number(found) - startedAt;
        return [afterMs < 10_000, `${afterMs} ms`];
      }
      await clock.sleep(5_000);
    }
    return [false, `not within ${waitMs / 1_000} s`];
  });
}
