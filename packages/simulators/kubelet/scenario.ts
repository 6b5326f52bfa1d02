// Why: what befalls a pod is the test's business. A scenario says it for each pod before it starts; the
// faults of kubelet.ts say it while it runs.
import type { Random } from "@runlet/runtime/random";
import type { Pod } from "./pod.ts";

/** What the process in the container `runner` does. All times in ms. */
export type RunnerPlan =
  /** Registers, takes one job, finishes it, exits 0. */
  | { kind: "works" }
  /** Ends `afterMs` after it has registered, without having taken a job and without a word. */
  | { kind: "dies-before-job"; afterMs: number; exitCode: number }
  /** Ends `afterMs` into its job, without a word. Exit code 137 with `outOfMemory`. */
  | { kind: "dies-with-job"; afterMs: number; exitCode: number; outOfMemory?: boolean }
  /** Runs and never registers (a firewall, a wrong proxy). */
  | { kind: "never-connects" }
  /** Ends before it registers; 7 is "this version of the runner is deprecated". */
  | { kind: "exits"; exitCode: number; afterMs: number }
  /** Finishes its job and does not exit. */
  | { kind: "stays" }
  /** Takes a job and never ends it. */
  | { kind: "hangs" };

/** How one pod goes. All times in ms. */
export interface PodPlan {
  /** A node that refuses it at admission (OutOfcpu …): phase Failed, no container ever. */
  refusedBy?: { reason: string; message: string };
  /** No node has room for it. */
  unschedulable?: string;
  imagePullMs: number;
  /** How many pulls fail first; Infinity: ImagePullBackOff for ever. */
  pullFailuresCount: number;
  /** From the image's presence to the process running. */
  startMs: number;
  initMs: number;
  /** Exit codes of the init containers in order; 0 where none is given. */
  initExitCodes: number[];
  /** How long a process takes to end when it is asked to (SIGTERM). */
  stopMs: number;
  /** Containers other than `runner` end by themselves after this; otherwise they run until stopped. */
  otherExit?: { afterMs: number; exitCode: number };
  runner: RunnerPlan;
}

/** Undefined fields: the defaults below. */
export type Scenario = (pod: Pod, random: Random) => Partial<PodPlan>;

/** A quick, healthy cluster. */
export const defaultPlan: PodPlan = {
  imagePullMs: 200,
  pullFailuresCount: 0,
  startMs: 100,
  initMs: 100,
  initExitCodes: [],
  stopMs: 100,
  runner: { kind: "works" },
};
