// Why: at a change of hands each side finds the other's runners: idle ones that must go, busy ones that must end their
// job. This is ARC's half (ephemeralrunnerset_controller.go and ephemeralrunner_controller.go, 0.14.2).
import {
  annotations,
  ephemeralRunners,
  ephemeralRunnerSets,
  finalizers,
  pods,
  secrets,
  type EphemeralRunner,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import type { KubernetesObject } from "@runlet/kubernetes/client";
import { arcFinalizer, must, ownedBy, type ArcParts } from "./arc.ts";

interface Pod extends KubernetesObject {
  spec?: object;
  status?: { phase?: string };
}

/** One pass over every runner set and runner of the namespace. */
export async function reconcileRunners(parts: ArcParts): Promise<void> {
  for (const runner of parts.all<EphemeralRunner>("EphemeralRunner")) await follow(parts, runner);
  for (const set of parts.all<EphemeralRunnerSet>("EphemeralRunnerSet")) await scale(parts, set);
}

/** A runner whose pod has ended goes; one that is being deleted goes when the service lets it. */
async function follow(parts: ArcParts, runner: EphemeralRunner): Promise<void> {
  const { admin, namespace } = parts;
  const { metadata, status } = runner;
  const key = { namespace, name: metadata.name };
  const pod = parts.all<Pod>("Pod").find((one) => one.metadata.name === metadata.name);
  const phase = pod?.status?.phase ?? "Pending";
  const hasEnded = pod === undefined || phase === "Succeeded" || phase === "Failed";
  const isGoing = metadata.deletionTimestamp !== undefined;
  if (!hasEnded && !isGoing) {
    if (status?.phase === phase) return;
    const change = { type: "merge", body: { status: { phase } } } as const;
    await admin.patch(ephemeralRunners, key, change, { subresource: "status" });
    return;
  }
  if (!hasEnded && !(await isLetGo(parts, runner))) return;
  await admin.patch(ephemeralRunners, key, { type: "merge", body: { metadata: noFinalizers } });
  await admin.remove(ephemeralRunners, key);
  await admin.remove(pods, key);
  await admin.remove(secrets, key);
}

const noFinalizers = { finalizers: null };

/** RemoveRunner: "job still running" keeps it. */
async function isLetGo({ service }: ArcParts, { status }: EphemeralRunner): Promise<boolean> {
  if (!status?.runnerId) return true;
  return must(await service.removeRunner(status.runnerId)) !== "busy";
}

async function scale(parts: ArcParts, set: EphemeralRunnerSet): Promise<void> {
  const { admin } = parts;
  const { metadata, spec } = set;
  const runners = ownedBy<EphemeralRunner>(parts, "EphemeralRunner", metadata.uid ?? "");
  if (metadata.deletionTimestamp) {
    for (const one of runners) await dismiss(parts, one);
    // It waits for the busy ones. Another's finalizer it does not know, and leaves.
    const isHeld = metadata.finalizers?.includes(arcFinalizer) === true;
    if (runners.length > 0 || !isHeld) return;
    const body = {
      metadata: { finalizers: metadata.finalizers?.filter((f) => f !== arcFinalizer) },
    };
    await admin.patch(ephemeralRunnerSets, metadata, { type: "merge", body });
    return;
  }
  const { replicas = 0, patchID } = spec;
  const numbers = runners.map((one) => Number(one.metadata.annotations?.[annotations.patchId]));
  const isNew = patchID === 0 || patchID !== Math.max(0, ...numbers);
  const missing = replicas - runners.length;
  if (isNew) for (let n = 0; n < missing; n++) await make(parts, set);
  if (patchID !== 0) return;
  for (const one of runners.slice(0, Math.max(0, -missing))) await dismiss(parts, one);
}

async function dismiss(parts: ArcParts, runner: EphemeralRunner): Promise<void> {
  if (runner.metadata.deletionTimestamp || runner.status?.jobId) return;
  if (await isLetGo(parts, runner)) await parts.admin.remove(ephemeralRunners, runner.metadata);
}

/** EphemeralRunner, registration, Secret and pod. */
async function make({ admin, random, service, namespace }: ArcParts, set: EphemeralRunnerSet) {
  const { ephemeralRunnerSpec, patchID } = set.spec;
  if (!ephemeralRunnerSpec) throw new Error(`${set.metadata.name} has no template`);
  const name = `${set.metadata.name}-runner-${Buffer.from(random.bytes(3)).toString("hex")}`;
  const key = { namespace, name };
  const owner = { apiVersion: "actions.github.com/v1alpha1", controller: true };
  const runner = await admin.create<EphemeralRunner>(ephemeralRunners, {
    metadata: {
      ...key,
      annotations: { [annotations.patchId]: String(patchID) },
      finalizers: [finalizers.ephemeralRunner, finalizers.runnerRegistration],
      ownerReferences: [
        {
          ...owner,
          kind: "EphemeralRunnerSet",
          name: set.metadata.name,
          uid: set.metadata.uid ?? "",
        },
      ],
    },
    spec: ephemeralRunnerSpec,
  });
  const jit = must(
    await service.generateJitConfig(ephemeralRunnerSpec.runnerScaleSetId, { name, workFolder: "" }),
  );
  const uid = runner.metadata.uid ?? "";
  const owned = { ...key, ownerReferences: [{ ...owner, kind: "EphemeralRunner", name, uid }] };
  const data = { jitToken: Buffer.from(jit.encoded).toString("base64") };
  await admin.create<KubernetesObject & { data: object }>(secrets, { metadata: owned, data });
  const status = { runnerId: jit.runner.id, runnerName: name, phase: "Pending" };
  const change = { type: "merge", body: { status } } as const;
  await admin.patch(ephemeralRunners, key, change, { subresource: "status" });
  const valueFrom = { secretKeyRef: { name, key: "jitToken" } };
  const env = [{ name: "ACTIONS_RUNNER_INPUT_JITCONFIG", valueFrom }];
  await admin.create<Pod>(pods, {
    metadata: { ...owned, labels: { "actions-ephemeral-runner": "True" } },
    spec: { restartPolicy: "Never", containers: [{ name: "runner", image: "runner:1", env }] },
  });
}
