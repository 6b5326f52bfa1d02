// Why: the process in the container `runner`, as actions/runner behaves with a JIT config: it registers
// once, takes one job, runs it, exits. Its start script turns most failures into exit 0
// (actions/runner, run-helper.sh.template), so exit 0 does not prove that a job ran.
import { backoffMs } from "@runlet/runtime/backoff";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Random } from "@runlet/runtime/random";
import { createRunnerClient } from "../actions-service/runner-client.ts";
import type { RunnerClient, RunnerJob } from "../actions-service/runner-client.ts";
import { exited, firstOf, untilAborted, type Exit, type ProcessSignals } from "./process.ts";
import type { RunnerPlan } from "./scenario.ts";

export interface RunnerDeps {
  clock: Clock;
  random: Random;
  /** How it reaches the service. */
  fetch: Fetch;
  /** One line of the container's log. */
  print: (line: string) => void;
}

export interface RunnerStart {
  /** Undefined: the environment holds none. */
  jitConfig: string | undefined;
  plan: RunnerPlan;
  /** How long it takes to end when it is asked to. */
  stopMs: number;
  /** How often it says that it is there while a job runs. */
  renewEveryMs: number;
}

/** The service does not take this runner (any more). */
class RunnerRefused extends Error {
  override name = "RunnerRefused";
}

const reconnect = { baseMs: 500, capMs: 10_000 };

/** Plays the runner until it exits. Rejects only when it is killed. */
export async function runRunner(
  deps: RunnerDeps,
  start: RunnerStart,
  signals: ProcessSignals,
): Promise<Exit> {
  const { plan } = start;
  if (plan.kind === "exits") {
    await deps.clock.sleep(plan.afterMs, signals.kill);
    if (plan.exitCode === 7) deps.print("This runner version is deprecated and cannot run jobs.");
    return exited(plan.exitCode);
  }
  if (plan.kind === "never-connects") {
    deps.print("A session could not be created: connection timed out. Retrying.");
    return untilStopped(deps, start, signals);
  }
  const client = openClient(deps, start.jitConfig);
  if (!client) return refused(deps, "the JIT config cannot be read");
  try {
    return await serve(deps, { ...start, client }, signals);
  } catch (error) {
    if (error instanceof RunnerRefused) return refused(deps, error.message);
    if (!signals.term.aborted || signals.kill.aborted) throw error;
    await client.disconnect(signals.kill).catch(() => {});
    return untilStopped(deps, start, signals);
  }
}

/** Undefined if the text is no JIT config: a runner says so and exits, it does not crash. */
function openClient(deps: RunnerDeps, jitConfig: string | undefined): RunnerClient | undefined {
  try {
    return jitConfig === undefined ? undefined : createRunnerClient(deps, jitConfig.trim());
  } catch {
    return undefined;
  }
}

/** run-helper.sh: 1 is "terminated error, stop the service, no retry needed", and the script exits 0. */
function refused(deps: RunnerDeps, why: string): Exit {
  deps.print(`Runner listener exit with terminated error: ${why}`);
  return exited(0);
}

/** Runs until asked to stop, then takes its time. */
async function untilStopped(
  deps: RunnerDeps,
  start: RunnerStart,
  signals: ProcessSignals,
): Promise<Exit> {
  await untilAborted(firstOf(signals.term, signals.kill)).catch(() => {});
  await deps.clock.sleep(start.stopMs, signals.kill);
  return exited(0);
}

type Runner = RunnerStart & { client: RunnerClient };

/** From the registration to the exit. */
async function serve(deps: RunnerDeps, runner: Runner, signals: ProcessSignals): Promise<Exit> {
  const { client, plan } = runner;
  const either = firstOf(signals.term, signals.kill);
  const answer = await retried(deps, either, () => client.connect(either));
  if (answer === "used") throw new RunnerRefused("this registration was used before");
  if (answer === "gone") throw new RunnerRefused("the registration has been deleted");
  deps.print("√ Connected to GitHub");
  if (plan.kind === "dies-before-job") {
    await deps.clock.sleep(plan.afterMs, either);
    return exited(plan.exitCode);
  }
  deps.print("Listening for Jobs");
  const job = await takeJob(deps, client, either);
  deps.print(`Running job: ${job.displayName}`);
  return runJob(deps, { ...runner, job }, signals);
}

async function takeJob(
  deps: RunnerDeps,
  client: RunnerClient,
  signal: AbortSignal,
): Promise<RunnerJob> {
  for (;;) {
    const taken = await retried(deps, signal, () => client.takeJob(signal));
    if (taken === "gone") throw new RunnerRefused("the registration has been deleted");
    if (taken !== "none") return taken;
  }
}

/** Works on the job to its end, or to the runner's. */
async function runJob(
  deps: RunnerDeps,
  runner: Runner & { job: RunnerJob },
  signals: ProcessSignals,
): Promise<Exit> {
  const { client, job, plan } = runner;
  if (plan.kind === "dies-with-job") {
    await keepBusy(deps, runner, plan.afterMs, signals);
    return plan.outOfMemory ? { exitCode: 137, reason: "OOMKilled" } : exited(plan.exitCode);
  }
  const durationMs = plan.kind === "hangs" ? Infinity : job.durationMs;
  const how = await keepBusy(deps, runner, durationMs, signals);
  if (how === "gone") {
    deps.print("The job was cancelled.");
    return exited(0);
  }
  const result = how === "worked" ? job.result : "canceled";
  // Said twice after a lost answer, the second time is "gone": the first was heard.
  await retried(deps, signals.kill, () => client.finish(result, signals.kill));
  deps.print(`Job ${job.displayName} completed with result: ${result}`);
  return plan.kind === "stays" ? untilStopped(deps, runner, signals) : exited(0);
}

/** Passes the time of a job. "stopped": it was asked to end; "gone": the service took the job away. */
async function keepBusy(
  deps: RunnerDeps,
  runner: Runner,
  durationMs: number,
  signals: ProcessSignals,
): Promise<"worked" | "stopped" | "gone"> {
  const { client, renewEveryMs } = runner;
  const either = firstOf(signals.term, signals.kill);
  try {
    for (let left = durationMs; left > 0; left -= renewEveryMs) {
      await deps.clock.sleep(Math.min(left, renewEveryMs), either);
      if (left <= renewEveryMs) break;
      const said = await client.renew(either).catch((error: unknown) => {
        if (either.aborted) throw error;
        // One that gets no answer is lost; the next one follows.
        return "running" as const;
      });
      if (said === "gone") return "gone";
    }
    return "worked";
  } catch (error) {
    if (!signals.term.aborted || signals.kill.aborted) throw error;
    await deps.clock.sleep(runner.stopMs, signals.kill);
    return "stopped";
  }
}

/** Retries a broken connection for as long as the container lives, as the runner does. */
async function retried<T>(
  deps: RunnerDeps,
  signal: AbortSignal,
  call: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (signal.aborted) throw error;
      deps.print("The service did not answer. Retrying.");
      await deps.clock.sleep(backoffMs(deps.random, reconnect, attempt), signal);
    }
  }
}
