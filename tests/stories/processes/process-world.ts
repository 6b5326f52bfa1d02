// Why: what a virtual clock only models is shown here once with what really runs: processes in the function host,
// SQLite, sockets, TLS and signals. Bounds are generous, since a shared machine may be slow.
import { mkdtempSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseStrictKubeconfig } from "@runlet/kubernetes/strict-kubeconfig";
import { openWorld, type OpenWorld } from "@runlet/runlet/commands/open-world";
import { createSystemClock } from "@runlet/runtime/clock";
import type { Mode } from "@runlet/simulators/actions-service/knobs";

export interface ProcessWorld extends OpenWorld {
  home: string;
  /** Asks every 20 ms until it is true; throws after `limitMs`. */
  until(done: () => boolean, limitMs: number, what: string): Promise<void>;
  /** Log lines of that event so far. */
  logged(event: string): Record<string, unknown>[];
  /** The EphemeralRunnerSet of the scale set, as the API server has it. */
  runnerSet(): { uid: string; name: string; fence: string; replicas: number } | undefined;
}

/** One scale set on one cluster, with running jobs, so that its shard does not rest. */
export async function openProcessWorld(jobs: number, mode: Mode): Promise<ProcessWorld> {
  const home = mkdtempSync(join(tmpdir(), "runlet-processes-"));
  const clock = createSystemClock();
  const flags = {
    jobs,
    scaleSets: 1,
    clusters: 1,
    mode,
    seed: 1,
    faults: false,
    artifacts: false,
  } as const;
  const ports = { servicePort: 0, webhookPort: 0, json: false, help: false };
  const opened = await openWorld({ clock }, { ...flags, ...ports }, home);
  const { world } = opened;
  const until: ProcessWorld["until"] = async (done, limitMs, what) => {
    const end = clock.nowMs() + limitMs;
    while (!done()) {
      if (clock.nowMs() > end) throw new Error(`${what} did not come true within ${limitMs} ms`);
      await clock.sleep(20);
    }
  };
  await world.start();
  const polled = () => world.recorder.facts().some(({ kind }) => kind === "poll-opened");
  await until(polled, 20_000, "the first poll");
  world.service.control.queueJobs({ scaleSet: "linux", count: jobs, durationMs: 3_600_000 });
  const running = () => world.service.control.ledger().counts.running === jobs;
  await until(running, 20_000, "running jobs");
  return {
    ...opened,
    home,
    until,
    logged: (event) => world.recorder.lines().filter((line) => line.event === event),
    runnerSet() {
      const api = world.clusters.get("east")?.api;
      const [found] = api?.objects("actions.github.com/v1alpha1", "EphemeralRunnerSet") ?? [];
      if (!found) return undefined;
      const { replicas } = found["spec"] as { replicas: bigint | number }; // our CRD: a number
      const fence = found.metadata.annotations?.["runlet.dev/fence"] ?? "";
      return {
        uid: found.metadata.uid ?? "",
        name: found.metadata.name,
        fence,
        replicas: Number(replicas),
      };
    },
  };
}

/** A JSON patch by nobody's client: bytes over TLS with the control plane's own token. */
export function barePatch(home: string, path: string, operations: unknown[]): Promise<number> {
  const file = readFileSync(join(home, "control-plane-east.yaml"), "utf8");
  const { server, caPem, credential } = parseStrictKubeconfig(file);
  const token = credential.kind === "token" ? credential.token : "";
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json-patch+json",
  };
  return new Promise((resolve, reject) => {
    request(`${server}${path}`, { method: "PATCH", ca: caPem, headers }, (answer) => {
      answer.resume().on("end", () => resolve(answer.statusCode ?? 0));
    })
      .once("error", reject)
      .end(JSON.stringify(operations));
  });
}
