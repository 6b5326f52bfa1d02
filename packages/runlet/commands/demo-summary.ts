// Why: the end of a run is what a person remembers; it says in plain lines what happened, what the faults did, and
// what it cost.
import type { ScenarioPlan } from "../world/plan-scenario.ts";
import type { Percentiles, Report } from "../world/report.ts";

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
      `${runners.created} made (${split.join(", ")}), ${runners.leftover} things left over`,
    ],
    [
      "sessions",
      `${sessions.created} created, ${sessions.resumed} resumed, ${sessions.orphaned} orphaned, ` +
        `${sessions.conflicts} conflicts`,
    ],
    [
      "pollers",
      `${report.handOvers} hand-overs, ${report.takeOvers} take-overs, ${report.rests} rests`,
    ],
    ["webhooks", `${report.webhooks.sent} sent, ${report.webhooks.lost} lost`],
    ...(plan.faults.length > 0 ? [["faults", faultWords(report.faults)] as [string, string]] : []),
    ["took", `${report.seconds} s`],
  ];
  const clean = jobs.lost === 0 && runners.leftover === 0 && sessions.conflicts === 0;
  const verdict = clean
    ? "Every job ran, and nothing is left over."
    : "NOT CLEAN: see lost, left over and conflicts above.";
  const body = rows.map(([name, text]) => `  ${name.padEnd(20)}${text}`).join("\n");
  return `\n${body}\n\n${verdict}\n`;
}

function times({ p50, p95, p99 }: Percentiles): string {
  const text = (ms: number) =>
    ms >= 1_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`;
  return `half within ${text(p50)}, 95 % within ${text(p95)}, 99 % within ${text(p99)}`;
}

const words: Record<string, string> = {
  "kill-poller": "pollers killed (SIGKILL)",
  "freeze-poller": "poller frozen beyond its lease (SIGSTOP)",
  "cut-watches": "times watches cut",
  "service-answers": "kinds of errors from the Actions Service",
  "cluster-answers": "kinds of errors from the Kubernetes API",
  "cluster-unreachable": "cluster unreachable for a while",
  "queue-tokens-expire": "expiry of the queue tokens",
};

function faultWords(faults: Record<string, number>): string {
  return Object.entries(faults)
    .map(([kind, count]) => `${count} ${words[kind] ?? kind}`)
    .join(", ");
}
