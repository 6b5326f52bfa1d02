// Why: what the pages say. A replica that waits for the lease is ready as long as it can see it: an update must not
// wait for the new replica to lead while the old one leads.
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { Flags } from "./flags.ts";
import type { Election } from "./leader-election.ts";
import { prometheusContentType, renderMetrics } from "./prometheus.ts";
import type { Reconciler } from "./reconciler.ts";
import { servePages, type Page, type ServedPages } from "./serve-pages.ts";

export interface PagesDeps {
  clock: Clock;
  log: Log;
  /** Undefined while this replica does not lead. */
  reconciler(): Reconciler | undefined;
  election?: Election;
}

/** A candidate that has not heard of the lease for so long does not see the cluster. */
const unheardMs = 60_000;

/** Serves /healthz and /readyz, and /metrics where the flags say so; logs the ports. */
export async function openPages(
  { probePort, metrics }: Pick<Flags, "probePort" | "metrics">,
  deps: PagesDeps,
): Promise<Pick<ServedPages, "close">> {
  const opened = [
    await servePages(
      { port: probePort },
      { "/healthz": () => livePage(deps), "/readyz": () => readyPage(deps) },
      "--probe-port",
    ),
  ];
  const close = () => opened.forEach((pages) => pages.close());
  try {
    if (metrics) {
      opened.push(
        await servePages(metrics, { "/metrics": () => metricsPage(deps) }, "--metrics-addr"),
      );
    }
  } catch (error) {
    close();
    throw error;
  }
  const [probes, second] = opened;
  deps.log.info("pages_served", { probePort: probes?.port, metricsPort: second?.port });
  return { close };
}

const ok: Page = { status: 200, text: "ok\n" };
const unwell = (why: string): Page => ({ status: 503, text: `${why}\n` });

/** That it is answered at all shows that the event loop turns. */
function livePage({ reconciler }: PagesDeps): Page {
  const stuck = reconciler()?.health().stuck;
  return stuck === undefined ? ok : unwell(stuck);
}

function readyPage({ clock, reconciler, election }: PagesDeps): Page {
  if (election && !election.isLeader()) {
    const heard = clock.nowMs() - election.heardAtMs() < unheardMs;
    return heard ? ok : unwell("the lease cannot be read");
  }
  const leading = reconciler();
  const why = leading ? leading.health().unready : "it is being started";
  return why === undefined ? ok : unwell(why);
}

function metricsPage({ reconciler, election }: PagesDeps): Page {
  const { user, system } = process.cpuUsage();
  const text = renderMetrics({
    ...(reconciler()?.view() ?? { sets: [], queues: [], places: [] }),
    isLeader: election?.isLeader() ?? true,
    residentBytes: process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1e6,
  });
  return { status: 200, text, contentType: prometheusContentType };
}
