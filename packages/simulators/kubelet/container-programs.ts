// Why: which process a container runs: the runner in the one named `runner`, and in every other one
// something that stays until it is stopped (a side-car, Docker's daemon) unless the scenario ends it.
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Random } from "@runlet/runtime/random";
import type { KubernetesClient } from "@runlet/kubernetes/client";
import { runnerContainer, type Container } from "./pod.ts";
import { exited, idleProgram, type Program } from "./process.ts";
import { runRunner } from "./runner.ts";
import { readJitConfig } from "./runner-environment.ts";
import type { PodPlan } from "./scenario.ts";

export interface ProgramDeps {
  clock: Clock;
  random: Random;
  client: KubernetesClient;
  fetch: Fetch;
  renewEveryMs: number;
  /** One line of the container's log. */
  print: (container: string, line: string) => void;
}

/** The program of a main container, or why the container cannot be made yet. */
export async function mainProgram(
  deps: ProgramDeps,
  plan: PodPlan,
  namespace: string,
  container: Container,
): Promise<Program | { configError: string }> {
  if (container.name !== runnerContainer)
    return idleProgram(deps.clock, { exit: plan.otherExit, stopMs: plan.stopMs });
  const read = await readJitConfig(deps.client, namespace, container).catch((error: unknown) => ({
    configError: `failed to sync secret cache: ${String(error)}`,
  }));
  if ("configError" in read) return read;
  const start = {
    jitConfig: read.jitConfig,
    plan: plan.runner,
    stopMs: plan.stopMs,
    renewEveryMs: deps.renewEveryMs,
  };
  const print = (line: string) => deps.print(container.name, line);
  return (signals) => runRunner({ ...deps, print }, start, signals);
}

/** An init container does its work and exits; a side-car among them stays. */
export function initProgram(
  deps: ProgramDeps,
  plan: PodPlan,
  index: number,
  container: Container,
): Program {
  if (isSideCar(container))
    return idleProgram(deps.clock, { exit: undefined, stopMs: plan.stopMs });
  return async ({ kill }) => {
    await deps.clock.sleep(plan.initMs, kill);
    return exited(plan.initExitCodes[index] ?? 0);
  };
}

export function isSideCar(container: Container): boolean {
  return container.restartPolicy === "Always";
}
