// Why: the end of a run is what a person remembers; it says in plain lines what happened, what the faults did, and
// what it cost.
import type { ScenarioPlan } from "../world/plan-scenario.ts";
import type { Percentiles, Report } from "../world/report.ts";
import { count } from "./count.ts";

/** The summary for a person: lines, with a newline at the end. */
export function renderSummary(report: Report, plan: ScenarioPlan): string {
  const { jobs, runners, sessions, latencyMs } = report;
  const split = Object.entries(runners.byCluster).map(([name, count]) => `${count} in ${name}`);
  const rows: [string, string][] = [
    [
      "jobs",
      `${jobs.queued} queued, ${jobs.started} started, ${jobs.completed} completed, ` +
        `${jobs.cancelled} cancelled before a runner took them, ${jobs.lost} lost`,
    ],
    ["available to patch", times(latencyMs.availableToPatch)],
    ["queued to started", times(latencyMs.queuedToStarted)],
    [
      "runners",
      `${runners.created} made (${split.join(", ")}), ${count(runners.leftover, "thing")} left over`,
    ],
    [
      "sessions",
      `${sessions.created} created, ${sessions.resumed} resumed, ${sessions.orphaned} orphaned, ` +
        count(sessions.conflicts, "conflict"),
    ],
    [
      "pollers",
      `${count(report.handOvers, "hand-over")}, ${count(report.takeOvers, "take-over")}, ${count(report.rests, "rest")}`,
    ],
    ["webhooks", `${report.webhooks.sent} sent, ${report.webhooks.lost} lost`],
    ...(plan.faults.length > 0 ? faultRows(report) : []),
    [
      "calls",
      `${report.calls.service} to the Actions Service, ${report.calls.kubernetes} to Kubernetes (watches included)`,
    ],
    ["took", `${report.seconds} s`],
  ];
  const clean = jobs.lost === 0 && runners.leftover === 0 && sessions.conflicts === 0;
  const verdict = clean
    ? `Every job ran${jobs.cancelled > 0 ? " or was cancelled on purpose" : ""}, and nothing is left over.`
    : "NOT CLEAN: see lost, left over and conflicts above.";
  const body = rows.map(([name, text]) => `  ${name.padEnd(20)}${text}`).join("\n");
  return `\n${body}\n\n${verdict}\n`;
}

/** What was done to the run, one kind a line, and what that cost it. */
function faultRows(report: Report): [string, string][] {
  const { failedPolls, owedPairs } = report.setbacks;
  const done = Object.entries(report.faults).map(([kind, times], n): [string, string] => [
    n === 0 ? "faults" : "",
    words[kind]?.(times) ?? `${times} ${kind}`,
  ]);
  const cost =
    `${count(failedPolls, "poll")} failed, ${count(owedPairs, "order")} to a cluster had to wait, ` +
    `${count(report.webhooks.lost, "webhook")} lost; 1 % of the jobs waited longer than ` +
    `${duration(report.latencyMs.queuedToStarted.p99)}`;
  return [...done, ["which cost", cost]];
}

function times({ p50, p95, p99 }: Percentiles): string {
  return `half within ${duration(p50)}, 95 % within ${duration(p95)}, 99 % within ${duration(p99)}`;
}

const words: Record<string, (times: number) => string> = {
  "kill-poller": (times) => `${count(times, "poller")} killed (SIGKILL)`,
  "freeze-poller": (times) => `${count(times, "poller")} frozen beyond its lease (SIGSTOP)`,
  "cut-watches": (times) => `${count(times, "time")} watches cut`,
  "service-answers": (times) => `${count(times, "kind")} of errors from the Actions Service`,
  "cluster-answers": (times) => `${count(times, "kind")} of errors from the Kubernetes API`,
  "cluster-unreachable": (times) => `${count(times, "time")} a cluster unreachable for a while`,
  "queue-tokens-expire": (times) => `${count(times, "time")} every queue token expired`,
};

function duration(ms: number): string {
  return ms >= 1_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`;
}
