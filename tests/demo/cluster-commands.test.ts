// Why: a cluster is registered by a person with a terminal. The commands are met here as that person meets them: against an
// API server on a socket, with an administrator's kubeconfig for the grant and the granted account for everything else.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KubernetesObject } from "@runlet/kubernetes/client";
import {
  autoscalingListeners,
  ephemeralRunnerSets,
  namespaces,
} from "@runlet/kubernetes/resources";
import { findLacking, type Right } from "@runlet/kubernetes/review-access";
import { listRights } from "@runlet/runlet/commands/cluster-role";
import { parseAllDocuments, stringify } from "yaml";
import { afterEach, describe, expect, it } from "vitest";
import { closeAll, startClusterBed } from "./cluster-bed.ts";

const limits = { timeout: 60_000 };
afterEach(closeAll);

/** The commands' own answers; what a test looks at, it compares. */
const jsonOf = (out: string) =>
  JSON.parse(out) as Record<string, Record<string, unknown> | undefined>;

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

/** The printed grant with one right less. */
function withoutVerb(yaml: string, { verb, resource }: Right): string {
  const documents = parseAllDocuments(yaml).map(
    (document) => document.toJS() as { rules?: Rule[] },
  );
  return documents
    .map(({ rules, ...rest }) => {
      const kept = rules?.flatMap((rule) =>
        rule.resources.map((one) => ({
          ...rule,
          resources: [one],
          verbs: rule.verbs.filter((each) => each !== verb || one !== resource),
        })),
      );
      return stringify({ ...rest, ...(kept && { rules: kept }) });
    })
    .join("---\n");
}

describe("runlet cluster", () => {
  it(
    "grants, adds, shows, checks and removes a cluster, by the granted account alone",
    limits,
    async () => {
      const { admin, east, run, grant, clientWith, secrets } = await startClusterBed();
      const granted = await grant();
      expect([granted.code, granted.out]).toEqual([0, expect.stringContaining("granted; ")]);
      expect(statSync(east).mode & 0o777).toBe(0o600);
      const hands = await clientWith(admin);
      for (const name of ["red", "blue"]) {
        const managed = name === "red" ? { labels: { "runlet.dev/managed": "true" } } : {};
        await hands.create<KubernetesObject>(namespaces, { metadata: { name, ...managed } });
      }
      await hands.create<KubernetesObject>(autoscalingListeners, {
        metadata: { name: "old", namespace: "blue" },
        spec: { autoscalingRunnerSetNamespace: "blue", autoscalingRunnerSetName: "old" },
      } as KubernetesObject);

      const added = await run("add", "east", "--kubeconfig", east);
      expect([added.code, added.out]).toEqual([
        0,
        expect.stringContaining("cluster east is registered"),
      ]);
      expect(readdirSync(secrets)).toEqual(["clusters%2Feast.secret"]);
      expect(await run("add", "east", "--kubeconfig", east)).toMatchObject({
        code: 1,
        err: expect.stringContaining("cluster east is registered: runlet cluster rotate or remove"),
      });
      const { check, problems } = jsonOf((await run("check", "east", "--json")).out);
      expect(check).toMatchObject({
        version: expect.stringMatching(/^v1\.\d+/),
        managed: ["red"],
        arc: ["blue"],
        rights: { lacking: [] },
        missingKinds: [],
        latencyMs: expect.any(Number),
        clockSkewMs: expect.any(Number),
      });
      expect(Math.abs(Number(check?.["clockSkewMs"]))).toBeLessThanOrEqual(1_000);
      expect(problems).toEqual([]);
      const told = (await run("check", "east")).out;
      expect(told).toContain("get, list, patch, watch ephemeralrunnersets.actions.github.com");
      expect(told).toContain("list, watch namespaces");
      expect((await run("list")).out).toContain("east  served  0 targets");
      const shown = await run("show", "east");
      expect(shown.out).toContain("secret:clusters/east");
      const token = /token: (\S+)/.exec(readFileSync(east, "utf8"))?.[1] ?? "";
      expect(token.length).toBeGreaterThan(20);
      expect(shown.out + added.out + added.err + granted.out + granted.err).not.toContain(token);
      const removed = await run("remove", "east");
      expect([removed.code, removed.out]).toEqual([
        0,
        expect.stringContaining("cluster east is removed"),
      ]);
      expect(readdirSync(secrets)).toEqual([]);
      expect(await run("show", "east")).toMatchObject({
        code: 1,
        err: "runlet: there is no cluster east; none is registered\n",
      });
    },
  );

  it(
    "prints a grant whose every verb is checked, and which allows nothing else",
    limits,
    async () => {
      const { api, run, clientOf, account } = await startClusterBed();
      const printed = await run("grant");
      api.applyManifests(printed.out);
      const client = clientOf(account());
      const rights = listRights(undefined);
      expect(rights.length).toBeGreaterThan(8);
      expect(await findLacking(client, rights)).toEqual([]);
      const others = [
        { verb: "delete", group: "actions.github.com", resource: "ephemeralrunnersets" },
        { verb: "patch", group: "actions.github.com", resource: "autoscalingrunnersets" },
        { verb: "patch", group: "actions.github.com", resource: "ephemeralrunners" },
        { verb: "get", group: "", resource: "secrets" },
        { verb: "list", group: "", resource: "pods" },
        { verb: "patch", group: "", resource: "namespaces" },
      ];
      expect(await findLacking(client, others)).toEqual(others);
      // Without any one of them, that one is named.
      for (const right of rights) {
        api.applyManifests(withoutVerb(printed.out, right));
        expect(await findLacking(client, rights)).toEqual([right]);
      }
    },
  );

  it(
    "refuses a cluster whose account lacks a right, and names it; nothing is left of the attempt",
    limits,
    async () => {
      const { east, admin, run, grant, clientWith, secrets } = await startClusterBed();
      await grant();
      const hands = await clientWith(admin);
      const resource = {
        group: "rbac.authorization.k8s.io",
        version: "v1",
        plural: "clusterroles",
        kind: "ClusterRole",
        namespaced: false,
      };
      const name = { name: "runlet-control-plane" };
      const role = await hands.find<KubernetesObject & { rules: { verbs: string[] }[] }>(
        resource,
        name,
      );
      const body = { rules: role?.rules.filter(({ verbs }) => !verbs.includes("patch")) };
      await hands.patch(resource, name, { type: "merge", body });
      const added = await run("add", "east", "--kubeconfig", east);
      expect([added.code, added.err]).toEqual([
        1,
        expect.stringContaining("patch ephemeralrunnersets.actions.github.com"),
      ]);
      expect(added.err).toContain("runlet cluster grant");
      expect((await run("list")).out).toContain("no cluster is registered");
      expect(existsSync(secrets) ? readdirSync(secrets) : []).toEqual([]);
      // Granting again mends it.
      expect((await grant()).code).toBe(0);
      expect((await run("add", "east", "--kubeconfig", east)).code).toBe(0);
    },
  );

  it("grants although somebody else does so at the same moment", limits, async () => {
    const { api, grant, run, east } = await startClusterBed();
    expect((await grant()).code).toBe(0);
    // Each object was not there when it was asked for, and is when it is made.
    for (const plural of ["namespaces", "serviceaccounts", "clusterroles", "clusterrolebindings"])
      api.addFault({ effect: { kind: "status", status: 404 }, verb: "get", plural, times: 1 });
    const again = await grant();
    expect([again.code, again.err]).toEqual([0, expect.stringContaining("ClusterRole runlet")]);
    expect((await run("add", "east", "--kubeconfig", east)).code).toBe(0);
  });

  it("takes nothing from the account of another deployment", limits, async () => {
    const { admin, east, run, grant } = await startClusterBed();
    expect((await grant()).code).toBe(0);
    const other = ["--account", "runlet-system/of-another", "--write", `${east}.other`];
    const done = await run("grant", "--apply", "--kubeconfig", admin, ...other);
    expect([done.code, done.err]).toEqual([0, expect.stringContaining("Binding runlet-control")]);
    for (const [name, file] of [
      ["east", east],
      ["west", `${east}.other`],
    ] as const) {
      expect((await run("add", name, "--kubeconfig", file)).code, name).toBe(0);
    }
  });

  it("says in words what keeps it out, and what to type", limits, async () => {
    const { api, east, run, grant, stop } = await startClusterBed();
    await grant();
    await run("add", "east", "--kubeconfig", east);
    api.expireTokens();
    const ended = await run("check", "east");
    expect([ended.code, ended.err]).toEqual([
      1,
      expect.stringContaining("has ended or was taken away: npx runlet cluster grant east"),
    ]);
    await stop();
    const away = await run("check", "east");
    expect([away.code, away.err]).toEqual([
      1,
      expect.stringMatching(/^runlet: cluster east does not answer from here .*ECONNREFUSED/),
    ]);
    const kept = await run("remove", "east");
    expect([kept.code, kept.err]).toEqual([1, expect.stringContaining("remove east --now")]);
    const unasked = await run("remove", "east", "--now");
    expect([unasked.code, unasked.err]).toEqual([2, expect.stringContaining("add --yes")]);
    expect((await run("remove", "east", "--now", "--yes")).code).toBe(0);
  });

  it("serves single namespaces with a grant for these alone", limits, async () => {
    const { east, admin, run, grant, clientWith } = await startClusterBed();
    const hands = await clientWith(admin);
    for (const name of ["red", "blue"])
      await hands.create<KubernetesObject>(namespaces, { metadata: { name } });
    expect((await grant("--namespace", "red")).code).toBe(0);
    const wide = await run("add", "east", "--kubeconfig", east);
    expect([wide.code, wide.err]).toEqual([1, expect.stringContaining("lacks")]);
    const beside = await run("add", "east", "--kubeconfig", east, "--namespace", "blue");
    expect([beside.code, beside.err]).toEqual([1, expect.stringContaining("in namespace blue")]);
    const added = await run("add", "east", "--kubeconfig", east, "--namespace", "red", "--json");
    expect([added.code, jsonOf(added.out)["problems"]]).toEqual([0, []]);
  });

  it(
    "rotates to another way into the same cluster, and never to another cluster",
    limits,
    async () => {
      const one = await startClusterBed();
      const other = await startClusterBed();
      for (const { grant } of [one, other]) await grant();
      await one.run("add", "east", "--kubeconfig", one.east);
      const stored = () => readFileSync(join(one.secrets, "clusters%2Feast.secret"), "utf8");
      const before = stored();
      const strange = await one.run("rotate", "east", "--kubeconfig", other.east);
      expect([strange.code, strange.err]).toEqual([1, expect.stringContaining("another cluster")]);
      expect(stored()).toBe(before);
      await one.grant();
      const rotated = await one.run("rotate", "east", "--kubeconfig", one.east);
      expect([rotated.code, rotated.out]).toEqual([0, expect.stringContaining("new access")]);
      expect(stored()).not.toBe(before);
    },
  );

  it(
    "adopts what another installation has served, after a yes, and nothing else",
    limits,
    async () => {
      const { admin, east, run, grant, clientWith } = await startClusterBed();
      await grant();
      const hands = await clientWith(admin);
      const fences = { theirs: "f00:7", unserved: "0" };
      const managed = { labels: { "runlet.dev/managed": "true" } };
      await hands.create<KubernetesObject>(namespaces, { metadata: { name: "red", ...managed } });
      for (const [name, fence] of Object.entries(fences)) {
        await hands.create<KubernetesObject>(ephemeralRunnerSets, {
          metadata: { name, namespace: "red", annotations: { "runlet.dev/fence": fence } },
          spec: { replicas: 0, patchID: 0 },
        } as KubernetesObject);
      }
      await run("add", "east", "--kubeconfig", east);
      const unasked = await run("adopt", "east");
      expect([unasked.code, unasked.err]).toEqual([2, expect.stringContaining("add --yes")]);
      expect(unasked.err).toContain("red/theirs belongs to installation f00");
      const adopted = await run("adopt", "east", "--yes", "--json");
      expect([adopted.code, jsonOf(adopted.out)]).toEqual([
        0,
        { adopted: ["red/theirs"], missed: 0 },
      ]);
      const fenceOf = async (name: string) =>
        (await hands.find(ephemeralRunnerSets, { namespace: "red", name }))?.metadata.annotations?.[
          "runlet.dev/fence"
        ];
      expect(await fenceOf("theirs")).toMatch(/^[0-9a-f]{12}:\d+$/);
      expect(await fenceOf("unserved")).toBe("0");
      expect((await run("adopt", "east", "--yes")).out).toContain(
        "nothing in cluster east belongs",
      );
    },
  );

  it(
    "says of a kubeconfig that it will not take everything that is wrong, with the remedy, and no secret",
    limits,
    async () => {
      const { home, run } = await startClusterBed();
      const file = join(home, "bad.yaml");
      writeFileSync(
        file,
        `apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: "https://c", insecure-skip-tls-verify: true } }]
users: [{ name: u, user: { password: canary-1, exec: { command: aws } } }]
contexts: [{ name: c, context: { cluster: c, user: u } }]
`,
      );
      const { code, err } = await run("add", "east", "--kubeconfig", file);
      expect(code).toBe(1);
      for (const words of ["insecure-skip-tls-verify", "exec starts a program", "cluster grant"])
        expect(err).toContain(words);
      expect(err).not.toContain("canary-1");
      expect(err.trim().split("\n")).toHaveLength(1);
    },
  );

  it.each<[string[], string]>([
    [["add", "East", "--kubeconfig", "x"], "cluster East: name it with small letters"],
    [["add", "east"], "give either --kubeconfig FILE or --eks NAME"],
    [["add", "east", "--kubeconfig", "x", "--eks", "e"], "give either --kubeconfig"],
    [["add", "east", "--kubeconfig", "x", "--region", "r"], "--region belongs to --eks"],
    [["add", "east", "--eks", "e", "--context", "c"], "--context belongs to --kubeconfig"],
    [["add", "east", "--eks", "e", "--external-id", "i"], "add --role-arn"],
    [["add", "east", "--eks", "e"], "--eks needs a deployed stage"],
    [["add", "east", "--eks", "e/f"], "--eks e/f: give the cluster's name in EKS"],
    [["add", "east", "--eks", "e", "--region", "y z"], '--region "y z": give a region'],
    [["add", "east", "--eks", "e", "--role-arn", "r"], "--role-arn r: give a role's whole ARN"],
    [["grant", "--namespace", "red,blue"], "--namespace red,blue: give one namespace"],
    [["add", "east", "west", "--eks", "e"], "west is too much"],
    [["grant", "--write", "f"], "--write goes with --apply"],
    [["grant", "--account", "a/b", "--group", "g"], "give one of them"],
    [["grant", "--account", "a"], "give it as NAMESPACE/NAME"],
    [["remove", "east", "--now", "--cancel"], "are opposites"],
    [["remove", "east", "--limit-minutes", "0"], "give a whole number from 1 to 10080"],
    [["list", "--stage", "prod"], "name two places"],
  ])("%j ends with 2 and one line", async (args, words) => {
    const { run } = await startClusterBed();
    const { code, err } = await run(...args);
    expect([code, err]).toEqual([2, expect.stringContaining(words)]);
    expect(err.trim().split("\n")).toHaveLength(1);
  });

  it("removes a cluster whose kinds were deleted before it", async () => {
    const { run, grant, east, admin, clientWith } = await startClusterBed();
    await grant();
    await run("add", "east", "--kubeconfig", east);
    const kinds = {
      group: "apiextensions.k8s.io",
      version: "v1",
      plural: "customresourcedefinitions",
      kind: "CustomResourceDefinition",
      namespaced: false,
    };
    const name = "ephemeralrunnersets.actions.github.com";
    expect(await (await clientWith(admin)).remove(kinds, { name })).toBe("removed");
    const { code, out } = await run("remove", "east");
    expect([code, out]).toEqual([0, expect.stringContaining("cluster east is removed")]);
  });

  it("prints a grant for the group of an EKS access entry, without an account", async () => {
    const { run } = await startClusterBed();
    const { out } = await run("grant", "--group", "runlet-control-plane", "--namespace", "red");
    expect(out).toContain("kind: Group");
    expect(out).not.toMatch(/ServiceAccount|ClusterRole|namespaces/);
  });
});
