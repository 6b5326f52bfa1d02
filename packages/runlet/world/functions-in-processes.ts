// Why: the three functions as they are deployed on one machine: processes in the function host, started by the
// Lambda Runtime API, with state in SQLite; killed by SIGKILL and frozen by SIGSTOP.
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parsePollerEvent } from "@runlet/control-plane/poller/poller-event";
import { renderKubeconfig } from "@runlet/simulators/kube-api/kubeconfig";
import type { LocalConfig } from "../local/config.ts";
import { startDeployment, type Deployment } from "../local/deployment.ts";
import { localEnvironment } from "../local/local-environment.ts";
import type { Functions, RunningPoller } from "./functions.ts";
import type { SocketTransport } from "./transport-sockets.ts";
import type { FunctionParts } from "./world.ts";

export interface ProcessFunctions extends Functions {
  /** Where webhooks are taken. */
  webhookUrl: string;
}

export interface ProcessOptions {
  /** Folder for state, key, credentials and kubeconfigs. */
  home: string;
  restAfterMs: number;
  webhookPort: number;
}

export async function createProcessFunctions(
  parts: FunctionParts,
  transport: SocketTransport,
  options: ProcessOptions,
): Promise<ProcessFunctions> {
  const { clock, random, log, settings } = parts;
  const config = await writeConfig(parts, transport, options);
  const deployment = await startDeployment(
    { clock, random, log, fetch: transport.fetch },
    {
      environment: localEnvironment(config, options.home),
      settings,
      webhookPort: options.webhookPort,
      onLine: parts.onLine,
    },
  );
  return createFunctionHandles(parts, transport, deployment);
}

/** A deployment's functions, as a world drives them. */
export function createFunctionHandles(
  parts: FunctionParts,
  transport: SocketTransport,
  deployment: Deployment,
): ProcessFunctions {
  return {
    webhookUrl: deployment.webhookUrl,
    invoke: (event) => deployment.host.invokeAsync("poller", JSON.stringify(event)),
    async deliver(headers, body) {
      const answer = await transport.fetch(`${deployment.webhookUrl}/webhook`, {
        method: "POST",
        headers,
        body,
      });
      await answer.text();
      return answer.status;
    },
    startSweeping: () => deployment.startSweeping(),
    running: () => runningPollers(deployment, parts),
    stop: () => deployment.stop(),
  };
}

/** The files that describe the deployment; secrets each in one of their own, readable by us alone. */
async function writeConfig(
  parts: FunctionParts,
  transport: SocketTransport,
  { home, restAfterMs }: ProcessOptions,
): Promise<Omit<LocalConfig, "invokeUrl">> {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const write = (name: string, text: string) => {
    const path = resolve(home, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const clusters: LocalConfig["clusters"] = [];
  for (const [name, { access }] of parts.clusters) {
    const served = transport.clusters.get(name);
    if (!served) continue;
    const token = (await access.token?.()) ?? "";
    const kubeconfig = write(
      `control-plane-${name}.yaml`,
      renderKubeconfig({ name, ...served, token }),
    );
    clusters.push({ name, kubeconfig });
  }
  return {
    profile: "demo",
    restAfterMs,
    stateFile: join(resolve(home), "state.sqlite"),
    keyFile: join(resolve(home), "data-key"),
    clusters,
    github: [{ scope: parts.configUrl, file: write("github-token", parts.pat) }],
    webhookSecretFiles: [write("webhook-secret", parts.webhookSecret)],
    webhooks: [{ scope: parts.configUrl, hookId: 1 }],
    logLevel: "debug",
  };
}

/** The containers that run a poller. */
function runningPollers(
  { host }: Deployment,
  { clock }: Pick<FunctionParts, "clock">,
): RunningPoller[] {
  return host.containers().flatMap(({ function: name, pid, busyWith }) => {
    if (name !== "poller" || pid === undefined || busyWith === undefined) return [];
    const { shard } = parsePollerEvent(JSON.parse(busyWith));
    const signal = (what: NodeJS.Signals) => {
      try {
        process.kill(pid, what);
      } catch {
        // It has ended by itself in the meantime.
      }
    };
    return [
      {
        shard,
        name: String(pid),
        kill: () => signal("SIGKILL"),
        freeze(forMs: number) {
          signal("SIGSTOP");
          clock.after(forMs, () => signal("SIGCONT"));
        },
      },
    ];
  });
}
