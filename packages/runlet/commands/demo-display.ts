// Why: a run takes half a minute; whoever watches wants to see it live. On a terminal one line is redrawn, elsewhere
// plain lines come when something has changed.
import type { FaultPlan, ScenarioPlan } from "../world/plan-scenario.ts";
import type { World } from "../world/world.ts";
import { count } from "./count.ts";

export interface Display {
  /** A fault has struck. */
  fault(fault: FaultPlan, what: string): void;
  show(phase: string): void;
  /** Takes the live line away. */
  end(): void;
}

interface Output {
  write(text: string): void;
  /** The cursor may be moved. */
  live: boolean;
}

const faultWords: Record<FaultPlan["kind"], string> = {
  "kill-poller": "a poller is killed with SIGKILL",
  "freeze-poller": "a poller is frozen with SIGSTOP beyond its lease",
  "cut-watches": "all watches of a cluster are cut",
  "service-answers": "the Actions Service answers with errors",
  "cluster-answers": "a Kubernetes API answers with errors",
  "cluster-unreachable": "a cluster cannot be reached",
  "queue-tokens-expire": "every queue token expires",
};

/** Log events worth a line of their own, in words. */
const events: Record<string, string> = {
  shard_handed_over: "a poller handed its shard over",
  shard_rests: "a shard rests",
  cluster_silent: "a cluster does not answer",
  cluster_answers_again: "the cluster answers again",
};

export function createDisplay(output: Output, world: World, plan: ScenarioPlan): Display {
  const startedAt = world.clock.nowMs();
  let seen = 0;
  let last = "";
  let shownAt = -Infinity;
  let ended = false;
  const told = new Map<string, number>();
  const clear = () => output.live && output.write("\r\u001b[K");
  const stamp = () => `${((world.clock.nowMs() - startedAt) / 1000).toFixed(1).padStart(5)} s`;

  function tellEvents() {
    const lines = world.recorder.lines();
    // The recorder drops old lines in halves: then `seen` is past the end and we go on from there.
    if (seen > lines.length) seen = lines.length;
    for (const line of lines.slice(seen)) {
      const words = events[line.event] ?? takenWords(line);
      if (!words) continue;
      const place = line["shard"] ?? line["cluster"];
      const where = typeof place === "string" ? place : "";
      // Each poller says it for itself; a person wants to hear it once.
      const key = `${words} ${where}`;
      const before = told.get(key) ?? -Infinity;
      told.set(key, world.clock.nowMs());
      if (world.clock.nowMs() - before < 2_000) continue;
      clear();
      output.write(`${stamp()}  ${words}${where === "" ? "" : ` (${where})`}\n`);
    }
    seen = lines.length;
  }

  return {
    fault({ kind }, what) {
      if (ended) return;
      clear();
      output.write(`${stamp()}  fault: ${faultWords[kind]}${what === "" ? "" : ` (${what})`}\n`);
    },
    show(phase) {
      if (ended) return;
      tellEvents();
      const line = `${phase}: ${describe(world, plan)}`;
      const now = world.clock.nowMs();
      if (output.live) {
        clear();
        output.write(`${stamp()}  ${line}`);
      } else if (line !== last && now - shownAt > 2_000) {
        output.write(`${stamp()}  ${line}\n`);
        shownAt = now;
      }
      last = line;
    },
    end() {
      clear();
      ended = true;
    },
  };
}

function takenWords(line: { event: string; [field: string]: unknown }): string | undefined {
  if (line.event !== "shard_taken") return undefined;
  if (line["from"] === "expired") return "a poller took over from a dead one";
  if (line["from"] === "resting") return "a resting shard is awake";
  return undefined;
}

function describe({ service, recorder, functions }: World, plan: ScenarioPlan): string {
  const { counts } = service.control.ledger();
  const bar = "#"
    .repeat(Math.round((20 * counts.completed) / Math.max(1, plan.jobs.length)))
    .padEnd(20, ".");
  const pollers = new Set(functions.running().map(({ shard }) => shard)).size;
  const runners = [...recorder.clusterSplit()].map(([name, made]) => `${name} ${made}`).join(", ");
  return (
    `[${bar}] ${counts.completed}/${plan.jobs.length} jobs done, ${counts.running} running, ` +
    `${counts.available + counts.acquired + counts.assigned} waiting; ` +
    `${count(pollers, "shard")} served; runners so far: ${runners || "none"}`
  );
}
