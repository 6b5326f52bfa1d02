// Why: Prometheus and everything that scrapes like it read one text format (prometheus.io, "Text-based format",
// version 0.0.4). Written here in a page, since a client library would keep series of sets that are long gone.
import { prometheusTable, type Metric, type MetricsView, type Sample } from "./prometheus-table.ts";

export const prometheusContentType = "text/plain; version=0.0.4; charset=utf-8";

/** The whole answer to a scrape. */
export function renderMetrics(
  view: MetricsView,
  table: readonly Metric[] = prometheusTable,
): string {
  return table.map((metric) => renderMetric(metric, metric.samples(view))).join("");
}

function renderMetric({ name, type, help }: Metric, samples: Sample[]): string {
  if (samples.length === 0) return "";
  const lines = samples.map(({ labels, value }) => `${name}${renderLabels(labels)} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ""].join("\n");
}

function renderLabels(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(",")}}` : "";
}

function escapeValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
