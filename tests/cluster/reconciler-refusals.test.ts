// Why: what a real API server says when it refuses (an admission policy, a quota, a namespace that is ending) is what the
// reconciler must understand; on the simulator it hears what we believe that to be.
import { autoscalingRunnerSets, namespaces, pods, secrets } from "@runlet/kubernetes/resources";
import { afterAll, beforeAll, expect, test } from "vitest";
import { namespace, nothing, startReconcilerBed, type ReconcilerBed } from "./reconciler-bed.ts";
import type { ReconcilerProcess } from "./reconciler-process.ts";

let bed: ReconcilerBed;
let reconciler: ReconcilerProcess;

beforeAll(async () => {
  bed = await startReconcilerBed();
  reconciler = await bed.startReconciler();
  await reconciler.until("reconciler_ready");
}, 180_000);

afterAll(() => bed?.stop());

const statuses = async () => (await bed.runners()).map(({ status }) => status);

async function leave() {
  await bed.admin.remove(autoscalingRunnerSets, { namespace, name: "builders" });
  await bed.eventually("nothing left", async () => {
    return JSON.stringify(await bed.leftovers()) === JSON.stringify(nothing);
  });
}

/** A policy needs some seconds until the API server goes by it. */
async function untilPodsAre(taken: boolean) {
  const probe = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "probe", namespace },
    spec: { containers: [{ name: "main", image: "x" }] },
  };
  await bed.eventually(`pods ${taken ? "taken" : "refused"}`, async () => {
    const isTaken = await bed.admin.create(pods, probe).then(
      () => true,
      () => false,
    );
    if (isTaken) await bed.admin.remove(pods, { namespace, name: "probe" });
    return isTaken === taken;
  });
}

const policy = (expression: string) => `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: no-runners }
spec:
  matchConstraints:
    resourceRules: [{ apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods] }]
  validations: [{ expression: "${expression}", message: "no runners on Fridays" }]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: no-runners }
spec:
  policyName: no-runners
  validationActions: [Deny]
  matchResources: { namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ${namespace} } } }
`;

test("a policy that refuses pods: Failed in its words, no registration stays, and the next order is carried out once it takes them", async () => {
  await bed.serve("builders");
  bed.apply(policy("false"));
  await untilPodsAre(false);
  await bed.order("builders", 1, 1);
  const isFailed = async () => (await statuses())[0]?.phase === "Failed";
  await bed.eventually("a failed runner", isFailed, 15_000);
  const [status] = await statuses();
  expect(status?.reason).toBe("InvalidPod");
  expect(status?.message).toContain("no runners on Fridays");
  await bed.eventually("no registration", () => bed.github.control.runners().length === 0);
  bed.apply(policy("true"));
  await untilPodsAre(true);
  // The failed one is shown for a minute and holds its place meanwhile.
  await bed.order("builders", 2, 2);
  const isUp = async () => (await statuses()).some((one) => one?.phase === "Running");
  await bed.eventually("a runner", isUp, 15_000);
  await leave();
});

test("a quota: said in its words and told as refused, and taken up within 35 s of room", async () => {
  const quota = (hard: number) => `
apiVersion: v1
kind: ResourceQuota
metadata: { name: few, namespace: ${namespace} }
spec: { hard: { count/pods: "${hard}" } }
`;
  await bed.serve("builders");
  bed.apply(quota(1));
  await untilQuotaCounts();
  await bed.order("builders", 2, 1);
  const refused = async () =>
    (await bed.setOf("builders"))?.metadata.annotations?.["runlet.dev/refused"];
  await bed.eventually("the refusal", async () => (await refused()) !== undefined, 15_000);
  expect(await refused()).toMatch(/^\{"count":1,/);
  const waiting = (await statuses()).find((one) => one?.reason === "QuotaExceeded");
  expect(waiting?.message).toContain("exceeded quota: few");
  bed.apply(quota(5));
  const running = async () =>
    (await statuses()).filter((one) => one?.phase === "Running").length === 2;
  await bed.eventually("two runners", running, 35_000);
  await leave();
}, 120_000);

/** The quota controller says first what there is. */
async function untilQuotaCounts() {
  const quotas = { group: "", version: "v1", plural: "resourcequotas", kind: "ResourceQuota" };
  const key = { namespace, name: "few" };
  await bed.eventually("the quota", async () => {
    const found = await bed.admin.find({ ...quotas, namespaced: true }, key);
    return JSON.stringify(found ?? {}).includes('"used":{"count/pods"');
  });
}

test("a namespace that is deleted, and with it Secret and Role, while no reconciler runs: all is gone a minute after one does", async () => {
  await bed.serve("builders");
  await bed.order("builders", 2, 1);
  const running = async () => (await statuses()).every((one) => one?.phase === "Running");
  await bed.eventually("two runners", async () => (await statuses()).length === 2 && running());
  reconciler.signal("SIGKILL");
  await reconciler.ended;
  await bed.admin.remove(namespaces, { name: namespace });
  const key = { namespace, name: "github-secret" };
  const isWithout = async () => (await bed.admin.find(secrets, key)) === undefined;
  await bed.eventually("the Secret to be gone", isWithout);
  await bed.startReconciler();
  const isGone = async () => (await bed.admin.find(namespaces, { name: namespace })) === undefined;
  await bed.eventually("the namespace to be gone", isGone, 60_000);
  expect(await bed.runners()).toEqual([]);
}, 150_000);
