// Why: the functions as `runlet local` deploys them, in processes under the function host and with the cloud's numbers;
// the demo's own are for a show of a minute.
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { startDeployment, type Deployment } from "@runlet/runlet/local/deployment";
import type { LocalConfig } from "@runlet/runlet/local/config";
import { localEnvironment } from "@runlet/runlet/local/local-environment";
import type { Functions } from "@runlet/runlet/world/functions";
import type { SocketTransport } from "@runlet/runlet/world/transport-sockets";
import type { FunctionParts } from "@runlet/runlet/world/world";
import { renderKubeconfig } from "@runlet/simulators/kube-api/kubeconfig";

export interface BenchFunctions extends Functions {
  host: Deployment["host"];
  webhookSecret: string;
}

/** `home` holds what containers keep (their compiled code), `folder` the state. */
export async function createBenchFunctions(
  parts: FunctionParts,
  transport: SocketTransport,
  { home, folder }: { home: string; folder: string },
): Promise<BenchFunctions> {
  const { clock, random, log, settings, onLine } = parts;
  const config = await writeConfig(parts, transport, folder);
  const deployment = await startDeployment(
    { clock, random, log, fetch: transport.fetch },
    { environment: localEnvironment(config, home), settings, webhookPort: 0, onLine },
  );
  return createHandles(parts, transport, deployment);
}

/** What a benchmark holds of functions that run. */
export function createHandles(
  { webhookSecret }: Pick<FunctionParts, "webhookSecret">,
  transport: SocketTransport,
  deployment: Deployment,
): BenchFunctions {
  const { host, webhookUrl } = deployment;
  const kill = () => {
    for (const { pid } of host.containers()) if (pid !== undefined) process.kill(pid, "SIGKILL");
  };
  // Also when the benchmark fails, no poller may be left.
  process.once("exit", kill);
  return {
    host,
    webhookSecret,
    invoke: (event) => host.invokeAsync("poller", JSON.stringify(event)),
    async deliver(headers, body) {
      const answer = await transport.fetch(`${webhookUrl}/webhook`, {
        method: "POST",
        headers,
        body,
      });
      await answer.text();
      return answer.status;
    },
    startSweeping: () => deployment.startSweeping(),
    running: () => [],
    async stop() {
      await deployment.stop();
      process.off("exit", kill);
    },
  };
}

async function writeConfig(
  parts: FunctionParts,
  transport: SocketTransport,
  folder: string,
): Promise<Omit<LocalConfig, "invokeUrl">> {
  const write = (name: string, text: string) => {
    const path = resolve(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const clusters: LocalConfig["clusters"] = [];
  for (const [name, { access }] of parts.clusters) {
    const served = transport.clusters.get(name);
    if (!served) throw new Error(`cluster ${name} is not served`);
    const token = (await access.token?.()) ?? "";
    const text = renderKubeconfig({ name, ...served, token });
    clusters.push({ name, kubeconfig: write(`control-plane-${name}.yaml`, text) });
  }
  return {
    profile: "cloud",
    stateFile: join(resolve(folder), "state.sqlite"),
    keyFile: join(resolve(folder), "data-key"),
    clusters,
    github: [{ scope: parts.configUrl, file: write("github-token", parts.pat) }],
    webhookSecretFiles: [write("webhook-secret", parts.webhookSecret)],
    logLevel: "info",
  };
}
