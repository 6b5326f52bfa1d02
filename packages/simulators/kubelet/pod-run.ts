// Why: the life of one pod on one node, from binding to its removal, told to the API server step by step:
// init containers in turn, then all others at once, then whatever ends them.
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Log } from "@runlet/runtime/log";
import { describeError } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import type { KubernetesClient } from "@runlet/kubernetes/client";
import { bindPod } from "./bind-pod.ts";
import { initProgram, isSideCar, mainProgram } from "./container-programs.ts";
import { runContainer, stamp, type ContainerRunDeps } from "./container-run.ts";
import type { Container, Pod } from "./pod.ts";
import {
  createPodModel,
  phaseOf,
  podStatus,
  type ContainerModel,
  type PodModel,
} from "./pod-status.ts";
import { killed, type Exit, type Process } from "./process.ts";
import type { PodPlan } from "./scenario.ts";
import { createStatusWriter, removePod } from "./status-writer.ts";

export interface PodRunDeps {
  clock: Clock;
  random: Random;
  log: Log;
  client: KubernetesClient;
  /** How simulated runners reach the service. */
  fetch: Fetch;
  renewEveryMs: number;
}

export interface PodRun {
  pod: Pod;
  node: string;
  plan: PodPlan;
  /** The API server wants it gone: stop the containers within the grace period, then remove it. */
  remove(graceMs: number): void;
  /** Ends as Failed for the node's reason; false if it is over already. */
  evict(why: { reason: string; message: string; graceMs: number }): boolean;
  /** Ends one container's process; false if it does not run. */
  kill(container: string, exit: Exit): boolean;
  /** The node is gone or the pod was deleted by force: all ends at once, and nothing is written. */
  vanish(): void;
  /** What the container has printed. */
  logs(container: string): string;
  /** The processes that run now. */
  running(): string[];
}

/** `found`: the kubelet starts and finds the pod begun by an earlier one, its containers gone. */
export interface PodStart {
  pod: Pod;
  node: string;
  plan: PodPlan;
  found: boolean;
}

export function startPodRun(deps: PodRunDeps, start: PodStart): PodRun {
  const { pod, node, plan } = start;
  const model = createPodModel(pod);
  const life = new AbortController();
  const ending = new AbortController();
  const processes = new Map<string, Process>();
  const printed = new Map<string, string[]>();
  const print = (container: string, line: string) => {
    const lines = printed.get(container) ?? [];
    printed.set(container, [...lines, `${new Date(deps.clock.wallMs()).toISOString()} ${line}`]);
  };
  const writer = createStatusWriter(
    deps,
    pod,
    () => podStatus(pod, model, stamp(deps.clock)),
    life.signal,
  );
  const run = { deps: { ...deps, print }, start, model, life, ending, processes, writer };
  const lived = (start.found ? findDead(run) : live(run)).catch((error: unknown) => {
    if (life.signal.aborted || ending.signal.aborted) return;
    deps.log.error("pod_run_failed", { pod: pod.metadata.name, error: describeError(error) });
  });

  async function end(graceMs: number) {
    ending.abort(new Error("the pod ends"));
    for (const process of processes.values()) process.terminate();
    const cancel = deps.clock.after(graceMs, () => killAll(processes));
    if (graceMs <= 0) killAll(processes);
    await lived;
    cancel();
  }
  return {
    pod,
    node,
    plan,
    remove: (graceMs) => void end(graceMs).then(() => conclude(run).then(() => bury(run))),
    evict(why) {
      const phase = phaseOf(pod, model);
      if (start.found || phase === "Succeeded" || phase === "Failed") return false;
      model.evicting = true;
      void end(why.graceMs).then(() => {
        model.verdict = { phase: "Failed", reason: why.reason, message: why.message };
        model.disruption = { reason: "TerminationByKubelet", message: why.message };
        writer.changed();
        return conclude(run);
      });
      return true;
    },
    kill(container, exit) {
      const process = processes.get(container);
      process?.kill(exit);
      return process !== undefined;
    },
    vanish() {
      life.abort(new Error("the pod is not ours any more"));
      ending.abort(life.signal.reason);
      killAll(processes);
    },
    logs: (container) => (printed.get(container) ?? []).map((line) => `${line}\n`).join(""),
    running: () => [...processes.keys()],
  };
}

interface Run {
  deps: PodRunDeps & { print: (container: string, line: string) => void };
  start: PodStart;
  model: PodModel;
  life: AbortController;
  ending: AbortController;
  processes: Map<string, Process>;
  writer: ReturnType<typeof createStatusWriter>;
}

function killAll(processes: Map<string, Process>): void {
  for (const process of processes.values()) process.kill(killed);
}

/** From binding until the last container has ended. */
async function live(run: Run): Promise<void> {
  const { deps, model, life, ending, writer } = run;
  const { pod, node, plan } = run.start;
  if (plan.unschedulable !== undefined) {
    model.unschedulable = plan.unschedulable;
    return writer.changed();
  }
  if ((await bindPod(deps, pod, node, life.signal)) === "gone") return;
  if (plan.refusedBy) {
    model.verdict = { phase: "Failed", ...plan.refusedBy };
    return writer.changed();
  }
  model.startedAt = stamp(deps.clock);
  writer.changed();
  const sideCars: Promise<unknown>[] = [];
  for (const [index, container] of (pod.spec?.initContainers ?? []).entries()) {
    const ended = runInit(run, index, container);
    if (isSideCar(container)) sideCars.push(ended);
    else if ((await ended) !== "succeeded") return;
    if (ending.signal.aborted) break;
  }
  if (!ending.signal.aborted) await runMain(run);
  // Side-cars outlive the main containers and are stopped last.
  for (const process of run.processes.values()) process.terminate();
  ending.abort(new Error("the main containers have ended"));
  await Promise.all(sideCars);
}

async function runInit(
  run: Run,
  index: number,
  container: Container,
): Promise<"succeeded" | "failed"> {
  const { deps, model, writer } = run;
  const { plan, pod } = run.start;
  const never = (pod.spec?.restartPolicy ?? "Always") === "Never";
  const each: ContainerRunDeps = {
    ...containerDeps(run),
    program: async () => initProgram(deps, plan, index, container),
    shouldRestart: (exit) => isSideCar(container) || (exit.exitCode !== 0 && !never),
  };
  const exit = await runContainer(each, container, modelOf(model.init, container));
  if (exit?.exitCode === 0) return "succeeded";
  if (!run.ending.signal.aborted && !isSideCar(container)) {
    model.verdict = { phase: "Failed" };
    writer.changed();
  }
  return "failed";
}

async function runMain(run: Run): Promise<void> {
  const { deps, model } = run;
  const { pod, plan } = run.start;
  const containers = pod.spec?.containers ?? [];
  const policy = pod.spec?.restartPolicy ?? "Always";
  const each: ContainerRunDeps = {
    ...containerDeps(run),
    program: (container) => mainProgram(deps, plan, pod.metadata.namespace ?? "", container),
    shouldRestart: (exit) => policy === "Always" || (policy === "OnFailure" && exit.exitCode !== 0),
  };
  await Promise.all(
    containers.map((container) => runContainer(each, container, modelOf(model.main, container))),
  );
}

function containerDeps(run: Run) {
  return {
    clock: run.deps.clock,
    plan: run.start.plan,
    ending: run.ending.signal,
    life: run.life.signal,
    changed: () => run.writer.changed(),
    processes: run.processes,
  };
}

function modelOf(models: Map<string, ContainerModel>, container: Container): ContainerModel {
  const model = models.get(container.name);
  if (!model) throw new Error(`container ${container.name} has no model`);
  return model;
}

/** A kubelet that comes back finds the containers of its pods gone. */
async function findDead(run: Run): Promise<void> {
  const phase = run.start.pod.status?.phase;
  run.model.startedAt = run.start.pod.status?.startTime ?? stamp(run.deps.clock);
  if (phase === "Succeeded" || phase === "Failed") return;
  await conclude(run);
}

/** The last status: containers that never ran or were lost count as ended. */
async function conclude(run: Run): Promise<void> {
  const { deps, model, writer } = run;
  const known = run.start.pod.status?.phase;
  const over = run.start.found && (known === "Succeeded" || known === "Failed");
  // A pod that no node had taken has no containers to speak of.
  if (over || model.startedAt === undefined) return;
  const before = phaseOf(run.start.pod, model);
  const unended = [...model.init.values(), ...model.main.values()].filter(
    (one) => !one.state.terminated,
  );
  const lost = { exitCode: 137, reason: "ContainerStatusUnknown" };
  const message = "The container could not be located when the pod was terminated";
  for (const one of unended)
    one.state = { terminated: { ...lost, message, finishedAt: stamp(deps.clock) } };
  const failed = [...model.main.values()].some((one) => one.state.terminated?.exitCode !== 0);
  model.verdict ??= { phase: failed ? "Failed" : "Succeeded" };
  if (unended.length > 0 || model.verdict.phase !== before) writer.changed();
  await writer.settled();
}

async function bury(run: Run): Promise<void> {
  await removePod(run.deps, run.start.pod, run.life.signal);
}
