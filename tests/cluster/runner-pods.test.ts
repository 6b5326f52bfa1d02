// Why: the pods that the reconciler sends (tests/stories/reconciler/golden) are judged by a real API server: every field
// is one that it knows, and each container mode is admitted at the Pod Security level that it is known to need
// (https://kubernetes.io/docs/concepts/security/pod-security-standards/), so that nothing of ours asks for more.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, beforeAll, expect, test } from "vitest";

const golden = new URL("../stories/reconciler/golden/", import.meta.url);
const levels = ["restricted", "baseline", "privileged"] as const;

/** The strictest level that takes a pod of this mode; a template without a securityContext is baseline. */
const needed: Record<string, (typeof levels)[number]> = {
  restricted: "restricted",
  default: "baseline",
  proxy: "baseline",
  ca: "baseline",
  kubernetes: "baseline",
  "kubernetes-novolume": "baseline",
  "hook-template": "baseline",
  dind: "privileged",
  "dind-1.28": "privileged",
};

const namespaceOf = (level: string) => `pods-${level}`;

function kubectl(args: string[], input = ""): { status: number | null; said: string } {
  const { RUNLET_KUBECTL = "", RUNLET_KUBECONFIG = "" } = process.env;
  const all = ["--kubeconfig", RUNLET_KUBECONFIG, ...args];
  const run = spawnSync(RUNLET_KUBECTL, all, { input, encoding: "utf8", timeout: 30_000 });
  return { status: run.status, said: run.stdout + run.stderr };
}

const namespaceManifest = (level: string) => `
apiVersion: v1
kind: Namespace
metadata:
  name: ${namespaceOf(level)}
  labels: { pod-security.kubernetes.io/enforce: ${level} }
${["arc-gha-rs-no-permission", "arc-gha-rs-kube-mode"]
  .map(
    (name) => `---
apiVersion: v1
kind: ServiceAccount
metadata: { name: ${name}, namespace: ${namespaceOf(level)} }
`,
  )
  .join("")}`;

beforeAll(() => {
  for (const level of levels) {
    const made = kubectl(["apply", "-f", "-"], namespaceManifest(level));
    expect(made.status, made.said).toBe(0);
    // The controller-manager's.
    const account = ["--namespace", namespaceOf(level), "serviceaccount/default"];
    const there = kubectl(["wait", "--for=create", "--timeout=30s", ...account]);
    expect(there.status, there.said).toBe(0);
  }
});

describe("a real API server takes the pod of each container mode at its Pod Security level", () => {
  const files = readdirSync(golden).filter((file) => file.startsWith("pod-"));
  test("and each mode is looked at", () => {
    const names = files.map((file) => file.slice("pod-".length, -".yaml".length));
    expect(names.toSorted()).toEqual(Object.keys(needed).toSorted());
  });

  for (const [mode, lowest] of Object.entries(needed)) {
    test(`${mode}: ${lowest}`, () => {
      const text = readFileSync(new URL(`pod-${mode}.yaml`, golden), "utf8")
        .replaceAll("RUNNER", `runner-${mode.replace(".", "-")}`)
        .replaceAll("SET-", "set-");
      for (const level of levels) {
        const pod = text.replace("namespace: runners", `namespace: ${namespaceOf(level)}`);
        const create = ["create", "--dry-run=server", "--validate=strict", "-f", "-"];
        const { status, said } = kubectl(create, pod);
        const admitted = levels.indexOf(level) >= levels.indexOf(lowest);
        expect(status === 0, `${level}: ${said}`).toBe(admitted);
        if (!admitted) expect(said).toContain(`violates PodSecurity "${level}:latest"`);
      }
    });
  }
});
