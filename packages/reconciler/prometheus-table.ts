// Why: a metric is a promise to dashboards and alarms. Each has its name, its words and its labels in this one table;
// what it shows is read from the caches when somebody asks, so that what is gone from the cluster is gone from here.
// Names and labels are ARC's where ARC has them (0.14.2, controllers/actions.github.com/metrics and
// cmd/ghalistener/metrics); no label comes from a job, so series are bounded by scale sets.
import {
  annotations,
  labels as labelKeys,
  type AutoscalingRunnerSet,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { parseRefused } from "./controllers/ephemeral-runner-set/write-back.ts";
import { parseStatistics } from "./parse-statistics.ts";
import type { QueueFigures } from "./work-queue.ts";

export interface Sample {
  labels: Record<string, string>;
  value: number;
}

export interface Metric {
  name: string;
  type: "gauge" | "counter";
  help: string;
  samples(view: MetricsView): Sample[];
}

/** What there is to be seen; a replica that does not lead sees no sets. */
export interface MetricsView {
  sets: readonly SetView[];
  queues: readonly QueueFigures[];
  /** Each named namespace; "": the whole cluster. */
  places: readonly { namespace: string; isSeen: boolean }[];
  isLeader: boolean;
  residentBytes: number;
  cpuSeconds: number;
}

export interface SetView {
  runnerSet: EphemeralRunnerSet;
  /** Its owner. */
  autoscaling: AutoscalingRunnerSet | undefined;
}

type OfSet = (view: SetView) => number | undefined;

/** ARC's default (autoscalingrunnerset_types.go). */
const unlimited = 2_147_483_647;

export const prometheusTable: readonly Metric[] = [
  controllerGauge("pending_ephemeral_runners", "Runners that have not started.", (status) =>
    Number(status?.pendingEphemeralRunners ?? 0),
  ),
  controllerGauge("running_ephemeral_runners", "Runners that run.", (status) =>
    Number(status?.runningEphemeralRunners ?? 0),
  ),
  controllerGauge("failed_ephemeral_runners", "Runners that are shown as failed.", (status) =>
    Number(status?.failedEphemeralRunners ?? 0),
  ),
  controllerGauge(
    "running_listeners",
    "1 once a poller has served the set (it then carries a fence), else 0.",
    (_, fence) => (fence !== undefined && fence !== "0" ? 1 : 0),
  ),
  statisticsGauge("assigned_jobs", "Jobs assigned to the scale set, waiting or running.", (one) => {
    return one.totalAssignedJobs;
  }),
  statisticsGauge("running_jobs", "Jobs that run.", (one) => one.totalRunningJobs),
  statisticsGauge("registered_runners", "Runners registered.", (one) => one.totalRegisteredRunners),
  statisticsGauge("busy_runners", "Registered runners that run a job.", (one) => {
    return one.totalBusyRunners;
  }),
  statisticsGauge("idle_runners", "Registered runners that wait for a job.", (one) => {
    return one.totalIdleRunners;
  }),
  listenerGauge("min_runners", "The set's minRunners.", ({ autoscaling }) =>
    autoscaling ? (autoscaling.spec.minRunners ?? 0) : undefined,
  ),
  listenerGauge("max_runners", "The set's maxRunners.", ({ autoscaling }) =>
    autoscaling ? (autoscaling.spec.maxRunners ?? unlimited) : undefined,
  ),
  listenerGauge("desired_runners", "Runners that the poller asked for here.", ({ runnerSet }) =>
    Number(runnerSet.spec.replicas ?? 0),
  ),
  ofSets("runlet_refused_runners", "Runners that this cluster does not take.", arcLabels, (set) => {
    return parseRefused(set.runnerSet.metadata.annotations?.[annotations.refused])?.count ?? 0;
  }),
  ofQueues("runlet_reconciler_queue_length", "gauge", "Objects that wait for a pass.", (queue) => [
    { labels: { queue: queue.name }, value: queue.waiting },
  ]),
  ofQueues("runlet_reconciler_passes_total", "counter", "Passes that have ended.", (queue) =>
    (["succeeded", "failed"] as const).map((result) => ({
      labels: { queue: queue.name, result },
      value: queue[result],
    })),
  ),
  {
    name: "runlet_reconciler_namespace_seen",
    type: "gauge",
    help: "1 while the namespace can be read, 0 from a minute after it could; empty: the whole cluster.",
    samples: ({ places }) =>
      places.map(({ namespace, isSeen }) => ({ labels: { namespace }, value: Number(isSeen) })),
  },
  ofProcess("runlet_reconciler_leader", "gauge", "1 on the replica that acts.", (view) =>
    Number(view.isLeader),
  ),
  ofProcess("process_resident_memory_bytes", "gauge", "Resident memory.", (view) => {
    return view.residentBytes;
  }),
  ofProcess("process_cpu_seconds_total", "counter", "User and system time.", (view) => {
    return view.cpuSeconds;
  }),
];

/** The AutoscalingRunnerSet's name, as ARC's controller has it. */
function arcLabels({ runnerSet }: SetView): Record<string, string> {
  const { metadata } = runnerSet;
  const of = (key: string) => metadata.labels?.[key] ?? "";
  return {
    name: of(labelKeys.scaleSetName),
    namespace: of(labelKeys.scaleSetNamespace) || (metadata.namespace ?? ""),
    repository: of(labelKeys.repository),
    organization: of(labelKeys.organization),
    enterprise: of(labelKeys.enterprise),
  };
}

/** ARC's listener calls the EphemeralRunnerSet's name `name`. */
function listenerLabels(view: SetView): Record<string, string> {
  return { ...arcLabels(view), name: view.runnerSet.metadata.name };
}

function controllerGauge(
  name: string,
  help: string,
  value: (status: EphemeralRunnerSet["status"], fence: string | undefined) => number,
): Metric {
  return ofSets(`gha_controller_${name}`, help, arcLabels, ({ runnerSet }) =>
    value(runnerSet.status, runnerSet.metadata.annotations?.[annotations.fence]),
  );
}

/** From the service's tally, which the poller leaves on the set with each patch; none before the first. */
function statisticsGauge(
  name: string,
  help: string,
  value: (statistics: NonNullable<ReturnType<typeof parseStatistics>>) => number,
): Metric {
  return listenerGauge(name, `${help} As of the set's last message.`, ({ runnerSet }) => {
    const found = parseStatistics(runnerSet.metadata.annotations?.[annotations.statistics]);
    return found && value(found);
  });
}

function listenerGauge(name: string, help: string, value: OfSet): Metric {
  return ofSets(`gha_${name}`, help, listenerLabels, value);
}

function ofSets(
  name: string,
  help: string,
  labels: (view: SetView) => Record<string, string>,
  value: OfSet,
): Metric {
  return {
    name,
    type: "gauge",
    help,
    samples: ({ sets }) =>
      sets.flatMap((set) => {
        const found = value(set);
        return found === undefined ? [] : [{ labels: labels(set), value: found }];
      }),
  };
}

function ofQueues(
  name: string,
  type: Metric["type"],
  help: string,
  samples: (queue: QueueFigures) => Sample[],
): Metric {
  return { name, type, help, samples: ({ queues }) => queues.flatMap(samples) };
}

function ofProcess(
  name: string,
  type: Metric["type"],
  help: string,
  value: (view: MetricsView) => number,
): Metric {
  return { name, type, help, samples: (view) => [{ labels: {}, value: value(view) }] };
}
