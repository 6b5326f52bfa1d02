// Why: a deployment on one machine, as a value: the function host with the three entries, the Invoke API and the webhook's
// door in front, a sweep each minute. The demo, `start` and `local` differ only in what the functions are told.
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import type { Settings } from "@runlet/runtime/settings";
import { inheritedEnvironment } from "@runlet/runtime/settings-environment";
import {
  createFunctionHost,
  type FunctionHost,
  type HostedFunction,
} from "./function-host/function-host.ts";
import { serveFunctionUrl, serveInvokeApi } from "./function-host/serve-host.ts";

export interface Deployment {
  host: FunctionHost;
  webhookUrl: string;
  startSweeping(): void;
  /** Ends pollers at once (their leases run out) and everything else. */
  stop(): Promise<void>;
}

const functionNames = ["poller", "sweep", "webhook"] as const;
type FunctionName = (typeof functionNames)[number];

export interface DeploymentOptions {
  /** What a function's processes are told, given where the Invoke API is (localEnvironment). */
  environment: (invokeUrl: string, name: FunctionName) => Record<string, string>;
  /** The file that exports a function's `handler`; default: the sources in functions/. */
  entryOf?: (name: FunctionName) => string;
  /** What containers are started with; default: this Node. */
  nodePath?: string;
  /** What the Invoke API's callers put before a function's name; default: nothing. */
  namePrefix?: string;
  settings: Settings;
  /** 0: any free port. */
  webhookPort: number;
  /** So many events are answered at once; default 4. */
  webhookConcurrency?: number;
  /** Takes the functions' log lines. */
  onLine: (line: string) => void;
  /** Takes what each sweep that ended well has answered: a SweepReport as JSON. */
  onSweep?: (answer: string) => void;
}

const entries = resolve(fileURLToPath(new URL("../../../functions/", import.meta.url)));

export async function startDeployment(
  deps: { clock: Clock; random: Random; log: Log; fetch: Fetch },
  options: DeploymentOptions,
): Promise<Deployment> {
  const { clock, random, log } = deps;
  const { settings, onLine } = options;
  // Filled in once the Invoke API has an address; no container starts before that.
  const environments = { poller: {}, sweep: {}, webhook: {} };
  const { entryOf = (name) => join(entries, `${name}.ts`) } = options;
  const spec = (name: FunctionName, change: Partial<HostedFunction>): HostedFunction => ({
    handler: `${entryOf(name)}#handler`,
    timeoutMs: settings.invocationMs,
    environment: environments[name],
    onOutput: onLine,
    retries: 0,
    reservedConcurrency: 4,
    ...change,
  });
  const host: FunctionHost = createFunctionHost({
    clock,
    random,
    log,
    nodePath: options.nodePath ?? process.execPath,
    parentEnvironment: inheritedEnvironment(),
    functions: {
      // A failed poller is not retried: the sweep is told, and starts a successor at once.
      poller: spec("poller", {
        reservedConcurrency: 64,
        onFailure: (payload) => {
          const record = { requestPayload: JSON.parse(payload) as unknown };
          void host.invokeAsync("sweep", JSON.stringify(record));
        },
      }),
      sweep: spec("sweep", { timeoutMs: settings.sweepEveryMs + settings.leaseMs + 30_000 }),
      webhook: spec("webhook", {
        timeoutMs: 10_000,
        reservedConcurrency: options.webhookConcurrency ?? 4,
      }),
    },
  });
  const invokeApi = await serveInvokeApi(host, options.namePrefix);
  for (const name of functionNames)
    Object.assign(environments[name], options.environment(invokeApi.url, name));
  const door = await serveFunctionUrl({ host, clock }, "webhook", options.webhookPort).catch(
    async (error: unknown) => {
      await invokeApi.close();
      throw error;
    },
  );
  const stopping = new AbortController();

  async function sweepForEver() {
    while (!stopping.signal.aborted) {
      const started = clock.nowMs();
      const result = await host.invoke("sweep", "{}");
      if (result.ok) options.onSweep?.(result.payload);
      else if (!stopping.signal.aborted) log.error("sweep_failed", { error: result.error });
      const rest = Math.max(0, settings.sweepEveryMs - (clock.nowMs() - started));
      await clock.sleep(rest, stopping.signal).catch(() => {});
    }
  }

  return {
    host,
    webhookUrl: door.url,
    startSweeping: () => void sweepForEver(),
    async stop() {
      stopping.abort(new Error("the deployment stops"));
      await host.stop();
      await Promise.all([door.close(), invokeApi.close()]);
    },
  };
}
