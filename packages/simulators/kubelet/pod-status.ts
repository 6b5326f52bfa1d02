// Why: a reconciler reads pods as a real kubelet writes them: phase, conditions and container states that
// fit together. This says what is to be written for a model of the pod; it does nothing itself.
// (Kubernetes docs, "Pod Lifecycle"; kubernetes/pkg/kubelet/kubelet_pods.go, getPhase.)
import type { Container, ContainerState, ContainerStatus, Pod } from "./pod.ts";
import type { PodCondition, PodPhase, PodStatus, Terminated } from "./pod.ts";

/** How one container fares. */
export interface ContainerModel {
  state: ContainerState;
  lastTerminated?: Terminated;
  restartCount: number;
}

/** What a kubelet knows of a pod. */
export interface PodModel {
  startedAt: string | undefined;
  /** Set once the pod is over, or by an eviction; otherwise the phase follows from the containers. */
  verdict: { phase: PodPhase; reason?: string; message?: string } | undefined;
  /** A verdict will follow: until then the pod is not over, whatever its containers did. */
  evicting: boolean;
  /** Why no node takes it. */
  unschedulable: string | undefined;
  /** The disruption that ended it: an eviction's condition. */
  disruption: { reason: string; message: string } | undefined;
  /** When each condition last changed; kept here so that times stay put. */
  conditionTimes: Map<string, { status: string; at: string }>;
  init: Map<string, ContainerModel>;
  main: Map<string, ContainerModel>;
}

export function createPodModel(pod: Pod): PodModel {
  const waiting = (reason: string) => (container: Container) =>
    [container.name, { state: { waiting: { reason } }, restartCount: 0 }] as const;
  const init = pod.spec?.initContainers ?? [];
  const first = init.length > 0 ? "PodInitializing" : "ContainerCreating";
  return {
    startedAt: undefined,
    verdict: undefined,
    evicting: false,
    unschedulable: undefined,
    disruption: undefined,
    conditionTimes: new Map(),
    init: new Map(init.map(waiting("PodInitializing"))),
    main: new Map((pod.spec?.containers ?? []).map(waiting(first))),
  };
}

/** The status to write at `now` (RFC 3339). */
export function podStatus(pod: Pod, model: PodModel, now: string): PodStatus {
  const phase = phaseOf(pod, model);
  const status: PodStatus = { phase, conditions: conditions(model, phase, now) };
  if (model.verdict?.reason) status.reason = model.verdict.reason;
  if (model.verdict?.message) status.message = model.verdict.message;
  // Until a kubelet has taken the pod there is nothing else to say.
  if (model.startedAt === undefined) return status;
  status.startTime = model.startedAt;
  status.hostIP = "192.0.2.1";
  if (phase !== "Pending") status.podIP = podIp(pod);
  const each = (containers: Container[] | undefined, models: Map<string, ContainerModel>) =>
    (containers ?? []).flatMap((container) => {
      const one = models.get(container.name);
      return one ? [containerStatus(pod, container, one)] : [];
    });
  const init = each(pod.spec?.initContainers, model.init);
  if (init.length > 0) status.initContainerStatuses = init;
  status.containerStatuses = each(pod.spec?.containers, model.main);
  return status;
}

/** Pending until every main container has started once; over when all have ended for good. */
export function phaseOf(pod: Pod, model: PodModel): PodPhase {
  if (model.verdict) return model.verdict.phase;
  const main = [...model.main.values()];
  const began = (one: ContainerModel) => !one.state.waiting || one.lastTerminated !== undefined;
  if (main.length === 0 || !main.every(began)) return "Pending";
  // A side-car that has still to stop keeps the pod from being over.
  const all = [...model.init.values(), ...main];
  if (all.some((one) => one.state.running) || main.some((one) => !one.state.terminated))
    return "Running";
  if (model.evicting) return "Running";
  const failed = main.some((one) => one.state.terminated?.exitCode !== 0);
  const policy = pod.spec?.restartPolicy ?? "Always";
  if (policy === "Always" || (policy === "OnFailure" && failed)) return "Running";
  return failed ? "Failed" : "Succeeded";
}

/** Drawn from the uid: the same at each look. */
function podIp(pod: Pod): string {
  const digits = (pod.metadata.uid ?? "").replaceAll("-", "").slice(-4).padStart(4, "0");
  return `10.244.${Number.parseInt(digits.slice(0, 2), 16)}.${Number.parseInt(digits.slice(2), 16)}`;
}

function conditions(model: PodModel, phase: PodPhase, now: string): PodCondition[] {
  const condition = (type: string, holds: boolean, why?: { reason: string; message?: string }) => {
    const status = holds ? "True" : "False";
    const before = model.conditionTimes.get(type);
    const at = before?.status === status ? before.at : now;
    model.conditionTimes.set(type, { status, at });
    return { type, status, lastTransitionTime: at, ...why } as const;
  };
  if (model.unschedulable !== undefined) {
    const why = { reason: "Unschedulable", message: model.unschedulable };
    return [condition("PodScheduled", false, why)];
  }
  const over = phase === "Succeeded" || phase === "Failed";
  const running = [...model.main.values()].every((one) => one.state.running);
  const ready = running && !over && phase === "Running";
  const notReady = over
    ? { reason: phase === "Succeeded" ? "PodCompleted" : "PodFailed" }
    : { reason: "ContainersNotReady" };
  const initialized = [...model.init.values()].every(
    (one) => one.state.terminated?.exitCode === 0 || one.state.running,
  );
  const list: PodCondition[] = [
    condition("PodScheduled", true),
    condition(
      "Initialized",
      initialized,
      initialized ? undefined : { reason: "ContainersNotInitialized" },
    ),
    condition("ContainersReady", ready, ready ? undefined : notReady),
    condition("Ready", ready, ready ? undefined : notReady),
  ];
  if (model.disruption) list.push(condition("DisruptionTarget", true, model.disruption));
  return list;
}

function containerStatus(pod: Pod, container: Container, model: ContainerModel): ContainerStatus {
  const { state } = model;
  const image = container.image ?? "";
  const ran = !state.waiting || model.lastTerminated;
  return {
    name: container.name,
    image,
    imageID: ran ? `${image}@sha256:${"0".repeat(64)}` : "",
    ...(ran ? { containerID: `containerd://${pod.metadata.uid}-${container.name}` } : {}),
    ready: state.running !== undefined,
    started: state.running !== undefined,
    restartCount: model.restartCount,
    state,
    lastState: model.lastTerminated ? { terminated: model.lastTerminated } : {},
  };
}
