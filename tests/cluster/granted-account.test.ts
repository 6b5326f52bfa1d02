// Why: what the control plane could do in a cluster is what somebody could do who took it over. A real API server says
// what that is, for the account as `runlet cluster grant` makes it (SEC20).
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createKubernetesClient,
  type KubernetesClient,
  type Patch,
  type Resource,
} from "@runlet/kubernetes/client";
import { openKubeconfigAccess } from "@runlet/kubernetes/kubeconfig-access";
import {
  autoscalingRunnerSets,
  ephemeralRunners,
  ephemeralRunnerSets,
  namespaces,
  pods,
  secrets,
} from "@runlet/kubernetes/resources";
import { clusterCommand } from "@runlet/runlet/commands/cluster";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";
import { beforeAll, describe, expect, test } from "vitest";
import { runInProcess } from "../demo/run-in-process.ts";

const adminFile = process.env["RUNLET_KUBECONFIG"] ?? "";
const folder = mkdtempSync(join(tmpdir(), "runlet-granted-"));
const clock = createSystemClock();

async function clientOf(file: string): Promise<KubernetesClient> {
  const access = await openKubeconfigAccess({ clock, createFetch: createHttpFetch }, { file });
  return createKubernetesClient({ access, clock, userAgent: "test", limitMs: 10_000 });
}

/** A client with the account that was granted. */
async function granted(name: string, ...flags: string[]): Promise<KubernetesClient> {
  const write = join(folder, `${name}.yaml`);
  const apply = ["--apply", "--kubeconfig", adminFile, "--write", write];
  const account = ["--account", `runlet-system/${name}`];
  const done = await runInProcess(clusterCommand, ["grant", ...account, ...flags, ...apply]);
  expect(done.code, done.err).toBe(0);
  return clientOf(write);
}

const places = { mine: "granted-mine", other: "granted-other" };
const roleBindings: Resource = {
  group: "rbac.authorization.k8s.io",
  version: "v1",
  plural: "rolebindings",
  kind: "RoleBinding",
  namespaced: true,
};
const order: Patch = {
  type: "json",
  operations: [{ op: "replace", path: "/spec/replicas", value: 3 }],
};

/** "done", or the status that the API server refuses it with. */
async function ask(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => "done",
    (error: unknown) => (error as { status?: number }).status,
  );
}

/** What nobody of ours may do in `namespace`, each as it is asked. */
function forbidden(client: KubernetesClient, namespace: string): Record<string, Promise<unknown>> {
  const key = { namespace, name: "set" };
  const metadata = { namespace, name: "evil" };
  const subject = { kind: "User", name: "evil", apiGroup: roleBindings.group };
  const roleRef = { kind: "ClusterRole", name: "cluster-admin", apiGroup: roleBindings.group };
  const binding = { metadata, subjects: [subject], roleRef };
  const spec = { containers: [{ name: "c", image: "i" }] };
  const edit: Patch = { type: "merge", body: { spec: { minRunners: 9 } } };
  return {
    "list Secrets": client.list(secrets, { namespace }),
    "read a Secret": client.find(secrets, { namespace, name: "token" }),
    "make a pod": client.create(pods, { metadata, spec } as never),
    "list pods": client.list(pods, { namespace }),
    "make a runner set": client.create(ephemeralRunnerSets, { metadata, spec: {} } as never),
    "delete a runner set": client.remove(ephemeralRunnerSets, key),
    "change a user's set": client.patch(autoscalingRunnerSets, key, edit),
    "delete a runner": client.remove(ephemeralRunners, key),
    "change a runner": client.patch(ephemeralRunners, key, edit),
    "bind a role": client.create(roleBindings, binding as never),
  };
}

async function answers(calls: Record<string, Promise<unknown>>): Promise<Record<string, unknown>> {
  const asked = Object.entries(calls).map(async ([what, call]) => [what, await ask(call)] as const);
  return Object.fromEntries(await Promise.all(asked));
}

const allRefused = (calls: Record<string, unknown>) =>
  Object.fromEntries(Object.keys(calls).map((what) => [what, 403]));

beforeAll(async () => {
  expect(adminFile).not.toBe("");
  const admin = await clientOf(adminFile);
  for (const namespace of Object.values(places)) {
    await admin.create(namespaces, { metadata: { name: namespace } });
    const data = { token: "aGlkZGVu" };
    await admin.create(secrets, { metadata: { namespace, name: "token" }, data } as never);
    const set = { metadata: { namespace, name: "set" }, spec: { replicas: 0, patchID: 0 } };
    await admin.create(ephemeralRunnerSets, set as never);
  }
}, 60_000);

describe("the account of the control plane, on a real API server", () => {
  test("granted for the whole cluster: orders runner sets, and may do nothing else", async () => {
    const client = await granted("whole");
    for (const namespace of Object.values(places)) {
      const key = { namespace, name: "set" };
      expect(await ask(client.patch(ephemeralRunnerSets, key, order))).toBe("done");
      const said = await answers(forbidden(client, namespace));
      expect(said).toEqual(allRefused(said));
    }
    expect(await ask(client.list(ephemeralRunnerSets))).toBe("done");
    expect(await ask(client.list(secrets))).toBe(403);
  }, 60_000);

  test("granted for one namespace: orders there, and does not even see another", async () => {
    const client = await granted("one", "--namespace", places.mine);
    const inMine = { namespace: places.mine, name: "set" };
    const inOther = { namespace: places.other, name: "set" };
    expect(await ask(client.patch(ephemeralRunnerSets, inMine, order))).toBe("done");
    const said = await answers({
      ...forbidden(client, places.mine),
      "order elsewhere": client.patch(ephemeralRunnerSets, inOther, order),
      "read elsewhere": client.find(ephemeralRunnerSets, inOther),
      "list elsewhere": client.list(ephemeralRunnerSets, { namespace: places.other }),
      "list everywhere": client.list(ephemeralRunnerSets),
    });
    expect(said).toEqual(allRefused(said));
  }, 60_000);
});
