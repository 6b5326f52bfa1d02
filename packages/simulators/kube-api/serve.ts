// Why: the Kubernetes API alone on a port, for any client: npm run simulator:kube-api -- --help
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createKubernetesClient } from "@runlet/kubernetes/client";
import { readCrds } from "@runlet/kubernetes/crds";
import { createSystemClock } from "@runlet/runtime/clock";
import { UsageError } from "@runlet/runtime/flags";
import { untilStopped } from "@runlet/runtime/until-stopped";
import { createHttpFetch } from "@runlet/runtime/http";
import { createLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { readHome } from "@runlet/runtime/settings-environment";
import { createKubelet } from "../kubelet/kubelet.ts";
import { getServerCertificate } from "./certificates.ts";
import { help, parseFlags, type Flags } from "./flags.ts";
import { renderKubeconfig } from "./kubeconfig.ts";
import { breakSocket, listenApi } from "./listen.ts";
import { createKubeApiSimulator, type KubeApiSimulator } from "./simulator.ts";

const say = (line: string) => void process.stdout.write(`${line}\n`);

function fail(message: string, code: number): never {
  process.stderr.write(`simulator:kube-api: ${message}\n`);
  process.exit(code);
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function readFlags(): Flags {
  try {
    return parseFlags(process.argv.slice(2));
  } catch (error) {
    if (error instanceof UsageError) return fail(error.message, 2);
    throw error;
  }
}

const clock = createSystemClock();
const random = createSystemRandom();

/** Plays the nodes: pods run, and runners inside them talk to the service their JIT config names. */
function startKubelet(simulator: KubeApiSimulator) {
  const write = (line: string) => void process.stderr.write(`${line}\n`);
  const log = createLog({ write, wallMs: () => clock.wallMs() }, { level: "warn" });
  const access = {
    server: "https://kubernetes.default.svc",
    token: () => Promise.resolve(simulator.adminToken),
    fetch: simulator.fetch,
  };
  const userAgent = "runlet-kubelet-simulator";
  const client = createKubernetesClient({ access, clock, userAgent, limitMs: 10_000 });
  const fetch = createHttpFetch({ clock });
  const kubelet = createKubelet({ clock, random, log, client, fetch });
  simulator.setPodLogs(({ namespace, pod, container }) =>
    kubelet.logs({ namespace, name: pod }, container),
  );
  return {
    stop() {
      kubelet.stop();
      fetch.close();
    },
  };
}

async function serve(flags: Flags) {
  const certificate = await getServerCertificate(join(readHome(), "kube-api"), clock.wallMs());
  const simulator = createKubeApiSimulator({ clock, random }, { breakConnection: breakSocket });
  simulator.applyManifests(readCrds());
  const server = await listenApi(simulator.app, { port: flags.port, certificate });
  const kubelet = flags.kubelet ? startKubelet(simulator) : undefined;
  const { caPem } = certificate;
  const cluster = { name: "runlet", server: server.url, caPem, token: simulator.adminToken };
  writeKubeconfig(flags.kubeconfig, renderKubeconfig(cluster));
  const stopped = untilStopped();
  if (flags.json) {
    say(JSON.stringify({ ready: true, url: server.url, kubeconfig: flags.kubeconfig }));
  } else
    say(`ready: ${server.url} (kubectl --kubeconfig ${flags.kubeconfig} …); --help shows more`);
  await stopped;
  kubelet?.stop();
  simulator.close();
  await server.close();
  process.exit(0);
}

function writeKubeconfig(path: string, text: string) {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o600 });
  } catch (error) {
    fail(`--kubeconfig ${path} cannot be written: name another file (${messageOf(error)})`, 1);
  }
}

const flags = readFlags();
if (flags.help) say(help);
else await serve(flags).catch((error: unknown) => fail(messageOf(error), 1));
