// Why: some of the bill is there before the first scale set is, and does not grow with them: what watches, what encrypts,
// and a sweep that finds nothing.
import { sumOf, type Bill } from "./price-usage.ts";
import { prices } from "./prices.ts";
import type { StageResources } from "./stage-resources.ts";

/** US dollars a month. Secrets: those of stacks/, one credential, and a kubeconfig a cluster. */
export function priceStage(resources: StageResources, emptyBill: Bill, clusters: number) {
  return {
    alarms: resources.alarmMetrics * prices.alarmMetric.usd,
    dashboard: resources.dashboards * prices.dashboard.usd,
    key: resources.keys * prices.key.usd,
    secrets: (resources.secrets + 1 + clusters) * prices.secret.usd,
    "a sweep of nothing": sumOf(emptyBill),
  };
}
