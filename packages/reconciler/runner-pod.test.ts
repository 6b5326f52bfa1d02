import { describe, expect, it } from "vitest";
import type { EphemeralRunner } from "@runlet/kubernetes/resources";
import {
  jitSecret,
  runnerIdOf,
  runnerPod,
  usesContainerHooks,
  workFolderOf,
} from "./runner-pod.ts";

const runner: EphemeralRunner = {
  metadata: {
    name: "builders-abcde-runner-x1y2z",
    namespace: "runners",
    uid: "u1",
    labels: { team: "blue", shared: "from-runner" },
    annotations: { "actions.github.com/patch-id": "4" },
  },
  spec: {
    githubConfigUrl: "https://github.com/o",
    githubConfigSecret: "s",
    runnerScaleSetId: 9,
    metadata: { labels: { shared: "from-template" }, annotations: { note: "kept" } },
    spec: {
      serviceAccountName: "no-permission",
      initContainers: [{ name: "init", image: "i", env: [] }],
      containers: [
        { name: "dind", image: "docker:dind" },
        {
          name: "runner",
          image: "r",
          workingDir: "/home/runner/_work",
          env: [{ name: "MINE", value: "1" }],
        },
      ],
    },
  },
};

describe("a runner's pod", () => {
  it("is the template with three variables at the end of the runner's own, and nothing in other containers", () => {
    const [dind, own] = runnerPod(runner, "1.2.3").spec?.containers ?? [];
    expect(dind).toEqual({ name: "dind", image: "docker:dind" });
    expect(own?.env?.map(({ name }) => name)).toEqual([
      "MINE",
      "ACTIONS_RUNNER_INPUT_JITCONFIG",
      "GITHUB_ACTIONS_RUNNER_EXTRA_USER_AGENT",
      "ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE",
    ]);
    expect(own?.env?.[1]?.valueFrom?.secretKeyRef).toEqual({
      name: runner.metadata.name,
      key: "jitToken",
    });
    expect(runnerPod(runner, "1.2.3").spec?.initContainers).toEqual(
      runner.spec.spec?.initContainers,
    );
  });

  it("has the template's labels over the runner's, and its owner", () => {
    const { metadata } = runnerPod(runner, "1");
    expect(metadata.labels).toMatchObject({
      team: "blue",
      shared: "from-template",
      "actions-ephemeral-runner": "True",
    });
    expect(metadata.annotations).toEqual({ "actions.github.com/patch-id": "4", note: "kept" });
    expect(metadata.ownerReferences?.[0]).toMatchObject({
      kind: "EphemeralRunner",
      uid: "u1",
      controller: true,
    });
  });

  it("cannot be hidden from its controller by a label of the template, nor by metadata left out", () => {
    const taken = { "actions-ephemeral-runner": "False", "pod-template-hash": "mine" };
    const odd = { ...runner, spec: { ...runner.spec, metadata: { labels: taken } } };
    const { labels = {}, annotations } = runnerPod(odd, "1").metadata;
    expect(labels["actions-ephemeral-runner"]).toBe("True");
    expect(labels["pod-template-hash"]).not.toBe("mine");
    expect(annotations).toEqual(runner.metadata.annotations);
    const { metadata: _, ...bare } = runner.spec;
    expect(runnerPod({ ...runner, spec: bare }, "1").metadata.labels).toMatchObject({
      team: "blue",
    });
  });

  it("is never started again when the template does not say so", () => {
    expect(runnerPod(runner, "1").spec?.restartPolicy).toBe("Never");
  });

  it("gets only the proxy variables that are configured, each from the set's Secret", () => {
    const proxied: EphemeralRunner = {
      ...runner,
      spec: {
        ...runner.spec,
        proxySecretRef: "p",
        proxy: { https: { url: "http://proxy" }, noProxy: ["a"] },
      },
    };
    const env = runnerPod(proxied, "1").spec?.containers[1]?.env ?? [];
    expect(env.slice(4).map(({ name }) => name)).toEqual(["https_proxy", "no_proxy"]);
    expect(env.slice(4).every(({ valueFrom }) => valueFrom?.secretKeyRef?.name === "p")).toBe(true);
  });

  it("does not change the runner it is made from", () => {
    const before = JSON.stringify(runner);
    runnerPod(runner, "1");
    expect(JSON.stringify(runner)).toBe(before);
  });
});

describe("a runner's Secret", () => {
  it("carries the registration, and gives its id back", () => {
    const secret = jitSecret(runner, { encoded: "e30=", runner: { id: 42, name: "n" } });
    expect(runnerIdOf(secret)).toBe(42);
    expect(Buffer.from(secret.data?.["jitToken"] ?? "", "base64").toString()).toBe("e30=");
    expect(Buffer.from(secret.data?.["scaleSetId"] ?? "", "base64").toString()).toBe("9");
  });

  it("with an id that is no number gives none", () => {
    for (const text of ["", "x", "-1", "0", "1e3"]) {
      const data = { runnerId: Buffer.from(text).toString("base64") };
      expect(runnerIdOf({ metadata: { name: "s" }, data }), text).toBeUndefined();
    }
  });
});

it("work folder and container hooks are read from the container named runner", () => {
  expect(workFolderOf(runner)).toBe("/home/runner/_work");
  expect(usesContainerHooks(runner)).toBe(false);
});
