import { randomBytes } from "node:crypto";
import { readCrds } from "@runlet/kubernetes/crds";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findKubectl, openKubectl, type Kubectl } from "./kubectl.ts";

const binary = await findKubectl();
if (binary === undefined) {
  process.stderr.write(
    "kubectl.test.ts is skipped: no kubectl 1.36 in the cache (npm run test:cluster fetches it)\n",
  );
}

const namespace = `k-${randomBytes(5).toString("hex")}`;
const inside = ["-n", namespace];

const runnerSet = (maxRunners: number | string, more = "") => `
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingRunnerSet
metadata:
  name: arc-runners
  namespace: ${namespace}
  labels: { app.kubernetes.io/version: "0.14.2" }
spec:
  githubConfigUrl: https://github.com/acme
  githubConfigSecret: github
  maxRunners: ${maxRunners}
  minRunners: 0
  ${more}
  template:
    spec:
      containers:
        - name: runner
          image: ghcr.io/actions/actions-runner:latest
          command: ["/home/runner/run.sh"]
`;
const pod = (label: string) => `
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: ${namespace}, labels: { app: "${label}" } }
spec:
  nodeName: node-1
  containers: [{ name: runner, image: busybox, env: [{ name: A, value: b }] }]
`;

describe.skipIf(binary === undefined)("kubectl 1.36", () => {
  let kubectl: Kubectl;
  beforeAll(async () => {
    kubectl = await openKubectl(binary ?? "");
    await kubectl.feed(readCrds(), "apply", "-f", "-");
    const made = `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${namespace} }\n`;
    expect(await kubectl.feed(made, "apply", "-f", "-")).toMatchObject({ code: 0 });
    // Pods of a node that does not exist are collected sooner or later.
    const node = "apiVersion: v1\nkind: Node\nmetadata: { name: node-1 }\n";
    await kubectl.feed(node, "apply", "-f", "-");
  }, 60_000);
  afterAll(async () => {
    await kubectl.run("delete", "namespace", namespace, "--wait=false");
    await kubectl.close();
  });

  const apply = (manifest: string, ...more: string[]) =>
    kubectl.feed(manifest, "apply", "-f", "-", ...more);
  const json = async (...args: string[]) => {
    const { text } = await kubectl.run(...inside, "get", ...args, "-o", "json");
    return JSON.parse(text) as Record<string, unknown>;
  };

  it("applies a manifest: created, unchanged, configured", async () => {
    const resource = "autoscalingrunnerset.actions.github.com/arc-runners";
    expect((await apply(runnerSet(5))).text).toBe(`${resource} created\n`);
    expect((await apply(runnerSet(5))).text).toBe(`${resource} unchanged\n`);
    expect((await apply(runnerSet(7))).text).toBe(`${resource} configured\n`);
    const set = await json("autoscalingrunnersets", "arc-runners");
    expect(set.spec).toMatchObject({ maxRunners: 7, minRunners: 0 });
    expect(set.metadata).toMatchObject({ generation: 2 });
  });

  it("is told of a misspelt field and of a wrong value", async () => {
    const misspelt = await apply(runnerSet(7, "maxRuners: 3"));
    expect(misspelt.code).toBe(1);
    expect(misspelt.text).toContain('strict decoding error: unknown field "spec.maxRuners"');
    const wrong = await apply(runnerSet(-1));
    expect(wrong.code).toBe(1);
    expect(wrong.text).toContain("spec.maxRunners in body should be greater than or equal to 0");
  });

  it("applies and changes built-in objects", async () => {
    expect((await apply(pod("one"))).text).toBe("pod/web created\n");
    expect((await apply(pod("two"))).text).toBe("pod/web configured\n");
    expect(await json("pod", "web")).toMatchObject({ metadata: { labels: { app: "two" } } });
    const secret = `
apiVersion: v1
kind: Secret
metadata: { name: github, namespace: ${namespace} }
data: { github_token: ZXhhbXBsZQ== }
`;
    expect((await apply(secret)).text).toBe("secret/github created\n");
    expect((await apply(secret)).text).toBe("secret/github unchanged\n");
  });

  it("gets tables with the columns of the definition", async () => {
    await kubectl.run(
      ...inside,
      "patch",
      "autoscalingrunnerset",
      "arc-runners",
      "--subresource",
      "status",
      "--type",
      "merge",
      "-p",
      '{"status":{"phase":"Running","currentRunners":3}}',
    );
    const { text } = await kubectl.run(...inside, "get", "autoscalingrunnersets");
    const [head = "", row = ""] = text.split("\n");
    expect(head.split(/ {2,}/).slice(0, 5)).toEqual([
      "NAME",
      "MINIMUM RUNNERS",
      "MAXIMUM RUNNERS",
      "CURRENT RUNNERS",
      "PHASE",
    ]);
    expect(row.split(/ +/).slice(0, 5)).toEqual(["arc-runners", "0", "7", "3", "Running"]);
    const pods = await kubectl.run(...inside, "get", "pods", "-o", "wide");
    expect(pods.text).toMatch(/^NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE\s+IP\s+NODE/);
    expect(pods.text).toMatch(/^web\s+0\/1\s+Pending\s+0\s+\S+\s+<none>\s+node-1/m);
  });

  it("patches: JSON with a test that fails and one that holds, merge, strategic", async () => {
    const patch = (type: string, body: string) =>
      kubectl.run(
        ...inside,
        "patch",
        "autoscalingrunnerset",
        "arc-runners",
        "--type",
        type,
        "-p",
        body,
      );
    const max = (test: number, value: number) =>
      JSON.stringify([
        { op: "test", path: "/spec/maxRunners", value: test },
        { op: "replace", path: "/spec/maxRunners", value },
      ]);
    const refused = await patch("json", max(1, 9));
    expect(refused.code).toBe(1);
    expect(refused.text).toContain(
      "the server rejected our request due to an error in our request",
    );
    expect((await patch("json", max(7, 9))).code).toBe(0);
    expect((await patch("merge", '{"spec":{"minRunners":1}}')).code).toBe(0);
    const set = await json("autoscalingrunnersets", "arc-runners");
    expect(set.spec).toMatchObject({ maxRunners: 9, minRunners: 1 });
    const image = '{"spec":{"containers":[{"name":"runner","image":"busybox:2"}]}}';
    const pods = await kubectl.run(...inside, "patch", "pod", "web", "-p", image);
    expect(pods.text).toBe("pod/web patched\n");
  });

  it("labels and annotates", async () => {
    const label = await kubectl.run(...inside, "label", "pod", "web", "tier=front");
    const annotate = await kubectl.run(
      ...inside,
      "annotate",
      "autoscalingrunnerset",
      "arc-runners",
      "runlet.dev/share=true",
    );
    expect([label.code, annotate.code]).toEqual([0, 0]);
    const found = await kubectl.run(...inside, "get", "pods", "-l", "tier=front", "-o", "name");
    expect(found.text).toBe("pod/web\n");
    const namespaces = await kubectl.run(
      "label",
      "namespace",
      namespace,
      "runlet.dev/managed=true",
    );
    expect(namespaces.text).toContain("labeled");
  });

  it("watches: the row changes as the object does", async () => {
    const watch = kubectl.start(...inside, "get", "autoscalingrunnersets", "-w");
    await watch.until(/arc-runners/);
    await kubectl.run(
      ...inside,
      "patch",
      "autoscalingrunnerset",
      "arc-runners",
      "--type",
      "merge",
      "-p",
      '{"spec":{"maxRunners":42}}',
    );
    const text = await watch.until(/arc-runners\s+1\s+42\s+3\s+Running/);
    expect(text.match(/MAXIMUM RUNNERS/g)).toHaveLength(1);
    watch.stop();
  });

  it("waits for a condition, a field and a deletion", async () => {
    const crd = "customresourcedefinition/ephemeralrunners.actions.github.com";
    const wait = (...args: string[]) => kubectl.run("wait", ...args, "--timeout=10s");
    expect((await wait(crd, "--for=condition=Established")).text).toBe(
      "customresourcedefinition.apiextensions.k8s.io/ephemeralrunners.actions.github.com condition met\n",
    );
    const set = [...inside, "autoscalingrunnerset/arc-runners"];
    expect((await wait(...set, "--for=jsonpath={.status.phase}=Running")).code).toBe(0);
    const late = kubectl.run("wait", ...set, "--for=jsonpath={.spec.minRunners}=2");
    await kubectl.run(
      ...inside,
      "patch",
      "autoscalingrunnerset",
      "arc-runners",
      "--type",
      "merge",
      "-p",
      '{"spec":{"minRunners":2}}',
    );
    expect((await late).code).toBe(0);
  });

  it("describes an object with its events", async () => {
    const { metadata } = await json("autoscalingrunnersets", "arc-runners");
    const { uid } = metadata as { uid: string };
    const event = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: "arc-runners.1", namespace },
      involvedObject: {
        apiVersion: "actions.github.com/v1alpha1",
        kind: "AutoscalingRunnerSet",
        name: "arc-runners",
        namespace,
        uid,
      },
      type: "Warning",
      reason: "GroupNotFound",
      message: "there is no runner group of this name",
      source: { component: "runlet" },
      firstTimestamp: "2026-01-01T00:00:00Z",
      lastTimestamp: "2026-01-01T00:00:00Z",
      count: 2,
    };
    await kubectl.feed(JSON.stringify(event), "create", "-f", "-");
    const described = await kubectl.run(
      ...inside,
      "describe",
      "autoscalingrunnerset",
      "arc-runners",
    );
    expect(described.text).toContain("Github Config URL:     https://github.com/acme");
    expect(described.text).toMatch(/Warning\s+GroupNotFound\s+.*there is no runner group/);
    const events = await kubectl.run(...inside, "get", "events");
    expect(events.text).toMatch(
      /Warning\s+GroupNotFound\s+autoscalingrunnerset\/arc-runners\s+there is no runner group/,
    );
    const pods = await kubectl.run(...inside, "describe", "pod", "web");
    expect(pods.text).toMatch(/Name:\s+web/);
    expect(pods.text).toMatch(/Image:\s+busybox:2/);
  });

  it("shows a 64-bit id to the last digit", async () => {
    const runner = `
apiVersion: actions.github.com/v1alpha1
kind: EphemeralRunner
metadata: { name: runner-1, namespace: ${namespace} }
spec:
  githubConfigUrl: https://github.com/acme
  githubConfigSecret: github
  runnerScaleSetId: 1
  spec: { containers: [{ name: runner }] }
`;
    expect((await apply(runner)).code).toBe(0);
    await kubectl.run(
      ...inside,
      "patch",
      "ephemeralrunner",
      "runner-1",
      "--subresource",
      "status",
      "--type",
      "merge",
      "-p",
      '{"status":{"jobRequestId":9007199254740993}}',
    );
    const { text } = await kubectl.run(
      ...inside,
      "get",
      "ephemeralrunner",
      "runner-1",
      "-o",
      "jsonpath={.status.jobRequestId}",
    );
    expect(text).toBe("9007199254740993");
  });

  it("prints and follows logs", async (context) => {
    const { simulator } = kubectl;
    if (!simulator) return context.skip("a real cluster's logs come from a kubelet");
    simulator.setPodLogs(({ pod: name, container }) => `${name}/${container} says\nhello\n`);
    const whole = await kubectl.run(...inside, "logs", "web");
    const last = await kubectl.run(...inside, "logs", "web", "-c", "runner", "--tail", "1");
    expect([whole.text, last.text]).toEqual(["web/runner says\nhello\n", "hello\n"]);
    const follow = kubectl.start(...inside, "logs", "web", "-f");
    await follow.until(/hello/);
    follow.stop();
    simulator.setPodLogs(() => undefined);
  });

  it("replaces only what may change, and explains", async () => {
    const changed = pod("three").replace("value: b", "value: c");
    const replaced = await kubectl.feed(changed, "replace", "-f", "-");
    expect(replaced.text).toContain("pod updates may not change fields");
    const explained = await kubectl.run("explain", "autoscalingrunnerset.spec.maxRunners");
    expect(explained.text).toContain("FIELD: maxRunners <integer>");
  });

  it("deletes, waiting until it is gone", async () => {
    const gone = await kubectl.run(...inside, "delete", "autoscalingrunnerset", "arc-runners");
    expect(gone.text).toContain('"arc-runners" deleted');
    const left = await kubectl.run(...inside, "get", "autoscalingrunnersets");
    expect(left.text).toContain("No resources found");
    const forced = await kubectl.run(
      ...inside,
      "delete",
      "pod",
      "web",
      "--grace-period=0",
      "--force",
    );
    expect(forced).toMatchObject({ code: 0 });
    const missing = await kubectl.run(...inside, "get", "pod", "web");
    expect(missing.text).toContain('Error from server (NotFound): pods "web" not found');
  });
});
