// Why: one container from its image to its last exit: pulls that fail, a process that ends by itself or is
// ended, restarts with a growing pause. (Kubernetes docs, "Images": ImagePullBackOff; "Pod Lifecycle":
// container restart policy.)
import type { Clock } from "@runlet/runtime/clock";
import type { Container } from "./pod.ts";
import type { ContainerModel } from "./pod-status.ts";
import { startProcess, type Exit, type Process, type Program } from "./process.ts";
import type { PodPlan } from "./scenario.ts";

export interface ContainerRunDeps {
  clock: Clock;
  plan: PodPlan;
  /** Aborted: start nothing more. */
  ending: AbortSignal;
  /** Aborted: whatever happens is not ours to see any more. */
  life: AbortSignal;
  /** Called after each change of the model. */
  changed: () => void;
  /** Makes the program, or says why the container cannot be created yet. */
  program: (container: Container) => Promise<Program | { configError: string }>;
  /** Where the running process is found by whoever must stop it. */
  processes: Map<string, Process>;
  shouldRestart: (exit: Exit) => boolean;
}

const pullBackoff = { firstMs: 10_000, capMs: 300_000 };
const crashBackoff = { firstMs: 10_000, capMs: 300_000 };
const configRetryMs = 2_000;

/**
 * Runs the container until it has ended for good: its last exit, or undefined if it never started because
 * the pod ended first. Rejects when `life` ends.
 */
export async function runContainer(
  deps: ContainerRunDeps,
  container: Container,
  model: ContainerModel,
): Promise<Exit | undefined> {
  let last: Exit | undefined;
  try {
    await pullImage(deps, container, model);
    for (let restarts = 0; ; restarts++) {
      const program = await createContainer(deps, container, model);
      await deps.clock.sleep(deps.plan.startMs, deps.ending);
      last = await runProcess(deps, container.name, model, program);
      if (deps.ending.aborted || !deps.shouldRestart(last)) return last;
      wait(deps, model, "CrashLoopBackOff", `back-off restarting failed container`);
      await deps.clock.sleep(step(crashBackoff, restarts), deps.ending);
    }
  } catch (error) {
    if (deps.life.aborted || !deps.ending.aborted) throw error;
    return last;
  }
}

async function pullImage(
  deps: ContainerRunDeps,
  container: Container,
  model: ContainerModel,
): Promise<void> {
  const { plan } = deps;
  for (let failures = 0; failures < plan.pullFailuresCount; failures++) {
    await deps.clock.sleep(plan.imagePullMs, deps.ending);
    wait(deps, model, "ErrImagePull", `failed to pull image "${container.image}": not found`);
    await deps.clock.sleep(1_000, deps.ending);
    wait(deps, model, "ImagePullBackOff", `Back-off pulling image "${container.image}"`);
    await deps.clock.sleep(step(pullBackoff, failures), deps.ending);
  }
  await deps.clock.sleep(plan.imagePullMs, deps.ending);
}

/** A container whose Secret is missing waits for it. */
async function createContainer(
  deps: ContainerRunDeps,
  container: Container,
  model: ContainerModel,
): Promise<Program> {
  for (;;) {
    const made = await deps.program(container);
    if (typeof made === "function") return made;
    if (model.state.waiting?.reason !== "CreateContainerConfigError")
      wait(deps, model, "CreateContainerConfigError", made.configError);
    await deps.clock.sleep(configRetryMs, deps.ending);
  }
}

async function runProcess(
  deps: ContainerRunDeps,
  name: string,
  model: ContainerModel,
  program: Program,
): Promise<Exit> {
  const startedAt = stamp(deps.clock);
  const process = startProcess(program);
  deps.processes.set(name, process);
  model.state = { running: { startedAt } };
  deps.changed();
  const exit = await process.ended;
  deps.processes.delete(name);
  deps.life.throwIfAborted();
  model.state = { terminated: { ...exit, startedAt, finishedAt: stamp(deps.clock) } };
  deps.changed();
  return exit;
}

function wait(
  deps: ContainerRunDeps,
  model: ContainerModel,
  reason: string,
  message: string,
): void {
  if (model.state.terminated) {
    model.lastTerminated = model.state.terminated;
    model.restartCount++;
  }
  model.state = { waiting: { reason, message } };
  deps.changed();
}

function step(backoff: { firstMs: number; capMs: number }, attempt: number): number {
  return Math.min(backoff.capMs, backoff.firstMs * 2 ** Math.min(attempt, 20));
}

/** The API's times have whole seconds. */
export function stamp(clock: Clock): string {
  return new Date(clock.wallMs()).toISOString().replace(/\.\d{3}Z$/, "Z");
}
