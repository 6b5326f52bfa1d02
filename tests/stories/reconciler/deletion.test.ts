import { describe, expect, it } from "vitest";
import {
  annotations,
  autoscalingListeners,
  ephemeralRunnerSets,
  pods,
  secrets,
} from "@runlet/kubernetes/resources";
import { corporateCa } from "./corporate-ca.ts";
import { createWorld, namespace, nothing } from "./reconciler-world.ts";

const minute = 60_000;

describe("deleting a scale set", () => {
  it("leaves nothing in the cluster and nothing at the service", async () => {
    const world = createWorld();
    await world.serve("builders");
    await world.order("builders", 5, 1);
    await world.clock.runFor(5_000);
    await world.deleteSet("builders");
    await world.clock.runFor(10_000);
    expect(world.leftovers()).toEqual(nothing);
    expect(world.autoscaling()).toEqual([]);
    expect(world.runnerSets()).toEqual([]);
    expect(world.github.control.scaleSets()).toEqual([]);
  });

  it("waits for the job of a busy runner, whatever the cluster knows of it", async () => {
    for (const told of [true, false]) {
      const world = createWorld();
      await world.serve("builders");
      world.github.control.queueJobs({ scaleSet: "builders", durationMs: 100_000 });
      await world.order("builders", 2, 1);
      await world.clock.runFor(5_000);
      if (told) await world.tellJobs();
      await world.deleteSet("builders");
      await world.clock.runFor(60_000);
      expect(world.pods()).toHaveLength(1);
      expect(world.autoscaling()).toHaveLength(1);
      await world.clock.runFor(100_000);
      expect(world.github.control.ledger().jobs[0]?.outcome).toBe("succeeded");
      expect(world.leftovers()).toEqual(nothing);
      expect(world.autoscaling()).toEqual([]);
      expect(world.github.control.scaleSets()).toEqual([]);
    }
  });

  it("of a whole namespace ends although the credential goes first", async () => {
    const world = createWorld();
    await world.serve("builders");
    await world.order("builders", 2, 1);
    await world.clock.runFor(5_000);
    await world.admin.remove(
      { group: "", version: "v1", plural: "namespaces", kind: "Namespace", namespaced: false },
      { name: namespace },
    );
    await world.clock.runFor(120_000);
    expect(world.runners()).toEqual([]);
    expect(world.runnerSets()).toEqual([]);
    expect(world.autoscaling()).toEqual([]);
  });

  it("ends in bounded time when only the credential is gone, and says so", async () => {
    const world = createWorld();
    await world.serve("builders");
    await world.order("builders", 1, 1);
    await world.clock.runFor(5_000);
    await world.admin.remove(secrets, { namespace, name: "github-secret" });
    world.github.control.expireAdminTokens();
    await world.deleteSet("builders");
    await world.clock.runFor(300_000);
    expect(world.runners()).toHaveLength(1);
    await world.clock.runFor(1_200_000);
    expect(world.autoscaling()).toEqual([]);
    const reasons = world.events().map(({ reason }) => reason);
    expect(reasons).toContain("ScaleSetAbandoned");
  });

  it("of a shared set that a control plane serves keeps the scale set at the service", async () => {
    const world = createWorld();
    await world.serve("builders", "", { annotations: `${annotations.share}: "true"` });
    const set = world.runnerSetOf("builders");
    expect(set?.metadata.annotations?.[annotations.fence]).toBe("0");
    const key = { namespace, name: set?.metadata.name ?? "" };
    const metadata = { annotations: { [annotations.fence]: "installation-a:3" } };
    await world.admin.patch(ephemeralRunnerSets, key, { type: "merge", body: { metadata } });
    await world.deleteSet("builders");
    await world.clock.runFor(10_000);
    expect(world.autoscaling()).toEqual([]);
    expect(world.github.control.scaleSets()).toHaveLength(1);
  });

  it("of a shared set that nobody ever served deletes the scale set", async () => {
    const world = createWorld();
    await world.serve("builders", "", { annotations: `${annotations.share}: "true"` });
    await world.deleteSet("builders");
    await world.clock.runFor(10_000);
    expect(world.github.control.scaleSets()).toEqual([]);
  });

  it("ends within some minutes of an hour when the token is revoked, and says so", async () => {
    const world = createWorld();
    await world.serve("builders");
    const data = { github_token: Buffer.from("ghp_revoked").toString("base64") };
    const key = { namespace, name: "github-secret" };
    await world.admin.patch(secrets, key, { type: "merge", body: { data } });
    world.github.control.expireAdminTokens();
    await world.deleteSet("builders");
    await world.clock.runFor(55 * minute);
    expect(world.autoscaling()).toHaveLength(1);
    await world.clock.runFor(10 * minute);
    expect(world.autoscaling()).toEqual([]);
    const said = world.events().find(({ reason }) => reason === "ScaleSetAbandoned");
    expect(said?.message).toMatch(/unauthorized/);
  });

  it("ends likewise when the service stays away, and the cluster for a part of the time", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.github.control.addFault({ route: "*", status: 503, times: 1_000 });
    const effect = { kind: "status", status: 503, message: "etcd is away" } as const;
    await world.deleteSet("builders");
    await world.clock.runFor(50 * minute);
    world.kube.setFaults([{ effect }]);
    await world.clock.runFor(20 * minute);
    world.kube.setFaults([]);
    await world.clock.runFor(5 * minute);
    expect(world.autoscaling()).toEqual([]);
    expect(world.events().map(({ reason }) => reason)).toContain("ScaleSetAbandoned");
  });

  it("ends an hour later when what leads to the service may not be read any more", async () => {
    const world = createWorld();
    const ca = { apiVersion: "v1", kind: "ConfigMap", data: { "ca.crt": corporateCa } };
    world.kube.applyManifests(JSON.stringify({ ...ca, metadata: { name: "ca", namespace } }));
    await world.serve(
      "builders",
      "  githubServerTLS: { certificateFrom: { configMapKeyRef: { name: ca, key: ca.crt } } }",
    );
    await world.order("builders", 1, 1);
    await world.clock.runFor(5_000);
    const effect = { kind: "status", status: 403, message: "no Role any more" } as const;
    world.kube.setFaults([{ plural: "configmaps", effect }]);
    await world.clock.runFor(11 * minute);
    await world.deleteSet("builders");
    const pod = world.pods()[0]?.metadata.name ?? "";
    await world.admin.remove(pods, { namespace, name: pod });
    await world.clock.runFor(55 * minute);
    expect(world.runners()).toHaveLength(1);
    await world.clock.runFor(75 * minute);
    expect(world.autoscaling()).toEqual([]);
    const reasons = world.events().map(({ reason }) => reason);
    expect(reasons).toEqual(expect.arrayContaining(["RegistrationAbandoned", "ScaleSetAbandoned"]));
  });

  it("of a set that ARC's listener serves is ARC's, until that listener is gone", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.kube.applyManifests(`
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingListener
metadata: { name: builders-listener, namespace: default }
spec: { autoscalingRunnerSetName: builders, autoscalingRunnerSetNamespace: ${namespace} }
`);
    await world.clock.runFor(1_000);
    await world.deleteSet("builders");
    await world.clock.runFor(minute);
    expect(world.autoscaling()).toHaveLength(1);
    expect(world.runnerSets().map(({ metadata }) => metadata.deletionTimestamp)).toEqual([
      undefined,
    ]);
    expect(world.github.control.scaleSets()).toHaveLength(1);
    const key = { namespace: "default", name: "builders-listener" };
    await world.admin.remove(autoscalingListeners, key);
    await world.clock.runFor(10_000);
    expect(world.autoscaling()).toEqual([]);
    expect(world.github.control.scaleSets()).toEqual([]);
  });

  it("is retried while the service refuses it", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.github.control.addFault({ route: "deleteScaleSet", status: 503, times: 12 });
    await world.deleteSet("builders");
    await world.clock.runFor(5 * 60_000);
    expect(world.autoscaling()).toEqual([]);
    expect(world.github.control.scaleSets()).toEqual([]);
  });
});
