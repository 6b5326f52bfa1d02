// Why: `npm run test:cluster [-- FILTER …]` shows that what the simulator does is what Kubernetes does. It
// starts a real control plane, tells the suites where it is, and runs them.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { readCrds } from "@runlet/kubernetes/crds";
import { readFlags, UsageError } from "@runlet/runtime/flags";
import { getClientBinaries, isKubernetesBuilt } from "./binaries.ts";
import { progress } from "./progress.ts";
import { bundleReconciler } from "./bundle.ts";
import { startControlPlane } from "./control-plane.ts";
import { kubernetesMinors, minorVariable, readKubernetesRelease } from "./kubernetes-version.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

const help = `test:cluster: the Kubernetes suites on a real kube-apiserver, etcd and kube-controller-manager

usage: npm run test:cluster [-- [--kubernetes MINOR] [-t NAME] [FILTER …]]

  FILTER              run only the files whose path contains one of these texts
  -t NAME             of these only the tests whose names match it
  --kubernetes MINOR  on which Kubernetes: ${kubernetesMinors.join(" or ")} (default: ${minorVariable}, or ${kubernetesMinors[0]})
  --is-built          run nothing; exit code 0 if that one has been built on this machine, 3 if not

The control plane is built on first use (Go 1.26, about six minutes on two cores; kept in ~/.cache/runlet), or taken
from the folder that KUBEBUILDER_ASSETS names. Exit code 0 only if every test passed; 2 for a mistake in the call.
`;

async function main(args: string[]): Promise<number> {
  const options = {
    help: { type: "boolean", short: "h" },
    kubernetes: { type: "string" },
    "is-built": { type: "boolean" },
    "test-name-pattern": { type: "string", short: "t" },
  } as const;
  const { values: flags, positionals: filters } = readFlags(args, options, true);
  if (flags.help) {
    process.stdout.write(help);
    return 0;
  }
  if (flags.kubernetes !== undefined) {
    if (process.env["KUBEBUILDER_ASSETS"])
      throw new UsageError("--kubernetes and KUBEBUILDER_ASSETS: give one of them");
    process.env[minorVariable] = flags.kubernetes;
  }
  const release = readKubernetesRelease();
  if (flags["is-built"]) return isKubernetesBuilt(release) ? 0 : 3;
  const name = flags["test-name-pattern"];
  return runSuites(name === undefined ? filters : [...filters, `--testNamePattern=${name}`]);
}

async function runSuites(filters: string[]): Promise<number> {
  const clients = await getClientBinaries();
  const reconciler = await bundleReconciler();
  // The garbage collector takes up to half a minute to notice a kind that appears after it has started.
  const crds = readCrds().split(/^---$/m);
  const plane = await startControlPlane({ controllers: true, aged: true, crds });
  progress(`kube-apiserver is ready at ${plane.server}`);
  const kubeApi = { server: plane.server, ca: plane.caPem, token: plane.adminToken };
  const env = {
    RUNLET_KUBE_API: JSON.stringify(kubeApi),
    RUNLET_KUBECONFIG: plane.kubeconfigPath,
    RUNLET_KUBECTL: clients.kubectl,
    RUNLET_HELM: clients.helm,
    RUNLET_RECONCILER: reconciler,
  };
  try {
    return await runVitest(env, filters);
  } finally {
    await plane.stop();
  }
}

function runVitest(env: Record<string, string>, filters: string[]): Promise<number> {
  const vitest = fileURLToPath(new URL("node_modules/vitest/vitest.mjs", `file://${root}/`));
  const args = [vitest, "run", "--config", "tests/cluster/vitest.config.ts", ...filters];
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  progress(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
