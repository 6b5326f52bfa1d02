// Why: the commands about clusters are met with an API server on a socket and its administrator at hand.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createKubernetesClient, type KubernetesClient } from "@runlet/kubernetes/client";
import { readCrds } from "@runlet/kubernetes/crds";
import { openKubeconfigAccess } from "@runlet/kubernetes/kubeconfig-access";
import { clusterCommand } from "@runlet/runlet/commands/cluster";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";
import { createSystemRandom } from "@runlet/runtime/random";
import { getServerCertificate } from "@runlet/simulators/kube-api/certificates";
import { renderKubeconfig } from "@runlet/simulators/kube-api/kubeconfig";
import { listenApi } from "@runlet/simulators/kube-api/listen";
import { createKubeApiSimulator } from "@runlet/simulators/kube-api/simulator";
import { runInProcess } from "./run-in-process.ts";
import { newHome } from "./run-program.ts";

const closing: (() => unknown)[] = [];
/** For afterEach. */
export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0)) await close();
}

const clock = createSystemClock();
/** An API server, its administrator, and the command line with a state file of its own. */
export async function startClusterBed() {
  const home = newHome();
  const admin = join(home, "admin.yaml");
  const east = join(home, "east.yaml");
  const api = createKubeApiSimulator({ clock, random: createSystemRandom() });
  api.applyManifests(readCrds());
  const certificate = await getServerCertificate(join(home, "kube-api"), clock.wallMs());
  const { url: server, close } = await listenApi(api.app, { port: 0, certificate });
  closing.push(close, () => api.close());
  const { caPem } = certificate;
  const token = api.adminToken;
  writeFileSync(admin, renderKubeconfig({ name: "admin", server, caPem, token }));
  const run = (...args: string[]) => {
    const state = args.includes("--apply") ? [] : ["--state", join(home, "state", "s.sqlite")];
    return runInProcess(clusterCommand, [...args, ...state]);
  };
  const clientWith = async (file: string): Promise<KubernetesClient> => {
    const access = await openKubeconfigAccess({ clock }, { file });
    closing.push(() => access.close());
    return createKubernetesClient({ access, clock, userAgent: "test", limitMs: 5_000 });
  };
  const clientOf = (bearer: string): KubernetesClient => {
    const fetch = createHttpFetch({ clock, onlyCa: [caPem] });
    closing.push(() => fetch.close());
    const access = { server, fetch, token: async () => bearer };
    return createKubernetesClient({ access, clock, userAgent: "test", limitMs: 5_000 });
  };
  const account = () => api.tokenFor({ namespace: "runlet-system", name: "runlet-control-plane" });
  const grant = (...more: string[]) =>
    run("grant", "--apply", "--kubeconfig", admin, "--write", east, ...more);
  const secrets = join(home, "state", "secrets");
  return {
    api,
    home,
    admin,
    east,
    run,
    grant,
    clientWith,
    clientOf,
    account,
    secrets,
    stop: close,
  };
}
