// Why: kubectl is the client everybody has; that it works tells more than any list of routes. A real one is
// run against the simulator on a socket, or against the real server.
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { readCrds } from "@runlet/kubernetes/crds";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSeededRandom } from "@runlet/runtime/random";
import { getServerCertificate } from "@runlet/simulators/kube-api/certificates";
import { renderKubeconfig } from "@runlet/simulators/kube-api/kubeconfig";
import { breakSocket, listenApi } from "@runlet/simulators/kube-api/listen";
import {
  createKubeApiSimulator,
  type KubeApiSimulator,
} from "@runlet/simulators/kube-api/simulator";
import { getClientBinaries } from "../../cluster/binaries.ts";
import { findRealServer } from "./test-server.ts";

/** What came of one command. */
export interface Ran {
  code: number;
  /** Standard output and standard error together. */
  text: string;
}

export interface Kubectl {
  /** The simulator behind it; undefined on a real server. */
  simulator: KubeApiSimulator | undefined;
  run(...args: string[]): Promise<Ran>;
  /** Runs with this text as standard input. */
  feed(input: string, ...args: string[]): Promise<Ran>;
  /** Starts a command that goes on; `until` resolves when its output matches. */
  start(...args: string[]): { until(pattern: RegExp): Promise<string>; stop(): void };
  close(): Promise<void>;
}

/** The kubectl to use: the given one, the cached one, in CI a fetched one; undefined: none here. */
export async function findKubectl(): Promise<string | undefined> {
  const given = process.env["RUNLET_KUBECTL"];
  if (given) return given;
  if (process.env["CI"]) return (await getClientBinaries()).kubectl;
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "runlet");
  const folders = existsSync(cache) ? readdirSync(cache) : [];
  return folders
    .filter((name) => /^kubectl-[0-9a-f]+$/.test(name))
    .map((name) => join(cache, name, "kubectl"))
    .find((file) => existsSync(file));
}

export async function openKubectl(binary: string): Promise<Kubectl> {
  const folder = mkdtempSync(join(tmpdir(), "runlet-kubectl-"));
  const server = await openServer(folder);
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, renderKubeconfig({ name: "test", ...server.access }));
  // Its caches of discovery must not be shared with another cluster.
  const env = { HOME: folder, KUBECONFIG: kubeconfig, PATH: "" };
  const ran = (input: string | undefined, args: string[]) =>
    new Promise<Ran>((resolve) => {
      const options = { env, timeout: 20_000 };
      const child = execFile(binary, args, options, (error, stdout, stderr) => {
        const code = error ? (typeof error.code === "number" ? error.code : 1) : 0;
        resolve({ code, text: stdout + stderr });
      });
      child.stdin?.end(input ?? "");
    });
  return {
    simulator: server.simulator,
    run: (...args) => ran(undefined, args),
    feed: (input, ...args) => ran(input, args),
    start(...args) {
      const child = spawn(binary, args, { env, stdio: ["ignore", "pipe", "pipe"] });
      let text = "";
      let look = () => {};
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (chunk: Buffer) => {
          text += chunk.toString();
          look();
        });
      }
      child.on("exit", () => look());
      return {
        until: (pattern) =>
          new Promise((resolve, reject) => {
            look = () => {
              if (pattern.test(text)) resolve(text);
              else if (child.exitCode !== null) reject(new Error(`it ended: ${text}`));
            };
            look();
          }),
        stop: () => void child.kill(),
      };
    },
    async close() {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function openServer(folder: string) {
  const real = findRealServer();
  if (real) {
    const access = { server: real.server, caPem: real.ca, token: real.token };
    return { access, simulator: undefined, close: () => Promise.resolve() };
  }
  const clock = createSystemClock();
  const certificate = await getServerCertificate(join(folder, "ca"), clock.wallMs());
  const simulator = createKubeApiSimulator(
    { clock, random: createSeededRandom(1) },
    { breakConnection: breakSocket },
  );
  simulator.applyManifests(readCrds());
  const listening = await listenApi(simulator.app, { port: 0, certificate });
  const { caPem } = certificate;
  return {
    access: { server: listening.url, caPem, token: simulator.adminToken },
    simulator,
    async close() {
      simulator.close();
      await listening.close();
    },
  };
}
