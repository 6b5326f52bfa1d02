// Why: what nobody thought of writing a case for is found by chance: random steps over a handful of names,
// some sensible, some not, which two servers must answer alike.
import type { Random } from "@runlet/runtime/random";
import type { ApiObject, JsonObject } from "@runlet/simulators/kube-api/api-object";
import { actions, core, pod, runnerSet, type Reply, type TestServer } from "./test-server.ts";

/** One server on the walk, with what it has told so far, by kind and name. */
export interface Walker {
  server: TestServer;
  namespace: string;
  seen: Map<string, ApiObject>;
}

export interface Step {
  what: string;
  take(walker: Walker): Promise<Reply>;
}

function pick<T>(random: Random, values: readonly T[]): T {
  // Any place of the list is a T, also one that holds undefined.
  return values[random.int(values.length)] as T;
}

const show = (value: unknown) =>
  JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? `${item}n` : item));

const finalizers = [[], ["example.com/f"], ["example.com/f", "example.com/g"]];
const values: readonly unknown[] = [0, 1, 7, -3, "x", null, true, 9_007_199_254_740_993n];

/** `count` steps out of `random`. */
export function drawWalk(random: Random, count: number): Step[] {
  return Array.from({ length: count }, () =>
    pick(random, makers)(random, pick(random, ["a", "b"])),
  );
}

type Maker = (random: Random, name: string) => Step;

const sets = (walker: Walker, name: string, more = "") =>
  actions(walker.namespace, "ephemeralrunnersets", name) + more;
const seenSet = (walker: Walker, name: string) =>
  walker.seen.get(`EphemeralRunnerSet ${name}`)?.metadata;

const createSet: Maker = (random, name) => {
  const metadata = {
    finalizers: pick(random, finalizers),
    labels: { l: pick<unknown>(random, ["1", "2", null, "not valid!"]) },
    annotations: pick<unknown>(random, [undefined, {}, null, { a: "b" }]),
  };
  const patchID = pick<unknown>(random, [1, undefined, 2]);
  const body = runnerSet(name, { replicas: pick(random, values), patchID }, metadata);
  return {
    what: `create ${name} ${show(body)}`,
    take: (walker) => walker.server.post(sets(walker, ""), body),
  };
};

const mergeSet: Maker = (random, name) => {
  const spec = { replicas: pick(random, values), extra: pick<unknown>(random, [1, undefined]) };
  const labels = pick<unknown>(random, [{ l: null }, { l: "3" }, {}, null, undefined]);
  const body = { spec, metadata: { labels } };
  return {
    what: `merge ${name} ${show(body)}`,
    take: (walker) => walker.server.merge(sets(walker, name), body),
  };
};

const mergeStatus: Maker = (random, name) => {
  const currentReplicas = pick(random, values);
  const phase = pick<unknown>(random, ["Running", 3, undefined]);
  const body = { status: { currentReplicas, phase }, spec: { patchID: 99 } };
  return {
    what: `status ${name} ${show(body)}`,
    take: (walker) => walker.server.merge(sets(walker, name, "/status"), body),
  };
};

const patchSet: Maker = (random, name) => {
  const operations = Array.from({ length: 1 + random.int(3) }, () => drawOperation(random));
  return {
    what: `json ${name} ${show(operations)}`,
    take: (walker) => walker.server.jsonPatch(sets(walker, name), operations),
  };
};

function drawOperation(random: Random): JsonObject {
  const path = pick(random, [
    "/spec/replicas",
    "/spec/patchID",
    "/spec/none/below",
    "/status/currentReplicas",
    "/metadata/labels/l",
    "/metadata/labels",
    "/metadata/annotations/a",
    "/metadata/finalizers/0",
    "/metadata/finalizers/-",
    "/metadata/name",
    "/kind",
    "",
  ]);
  const op = pick(random, ["add", "add", "replace", "remove", "test"]);
  if (op === "remove") return { op, path };
  if (path === "/metadata/labels") return { op, path, value: { l: "9" } };
  if (path === "/kind") return { op, path, value: "Other" };
  if (path.startsWith("/metadata")) return { op, path, value: "example.com/h" };
  return { op, path, value: pick<unknown>(random, [1, 2, 5, null, undefined]) };
}

const fencedPatch: Maker = (random, name) => {
  const own = pick(random, ["uid", "resourceVersion"] as const);
  const fence = (walker: Walker) => [
    { op: "test", path: `/metadata/${own}`, value: seenSet(walker, name)?.[own] ?? "none" },
    { op: "add", path: "/spec/patchID", value: 11 },
  ];
  return {
    what: `fenced json ${name} by ${own}`,
    take: (walker) => walker.server.jsonPatch(sets(walker, name), fence(walker)),
  };
};

const putSet: Maker = (random, name) => {
  const replicas = pick(random, values);
  return {
    what: `put ${name} ${show(replicas)} with what was seen`,
    take(walker) {
      const { resourceVersion } = seenSet(walker, name) ?? {};
      const body = runnerSet(name, { replicas }, { resourceVersion });
      return walker.server.call("PUT", sets(walker, name), { body });
    },
  };
};

const deleteSet: Maker = (random, name) => {
  const own = pick(random, ["uid", "resourceVersion", undefined] as const);
  return {
    what: `delete ${name} by ${own}`,
    take(walker) {
      const preconditions = own ? { [own]: seenSet(walker, name)?.[own] } : undefined;
      return walker.server.remove(sets(walker, name), { preconditions });
    },
  };
};

const finishSet: Maker = (random, name) => {
  const left = pick(random, finalizers);
  return {
    what: `finish ${name} ${show(left)}`,
    take: (walker) => walker.server.merge(sets(walker, name), { metadata: { finalizers: left } }),
  };
};

const getSet: Maker = (_random, name) => ({
  what: `get ${name}`,
  take: (walker) => walker.server.get(sets(walker, name)),
});

const listSets: Maker = (random) => {
  const label = pick(random, ["l=1", "l!=1", "l in (1,3)", "!l", "l", "l=", "=1", "l in ()"]);
  const limit = pick(random, ["", "&limit=1"]);
  const query = `labelSelector=${encodeURIComponent(label)}${limit}`;
  return {
    what: `list ${label}${limit}`,
    take: (walker) => walker.server.get(`${sets(walker, "")}?${query}`),
  };
};

const writeMap: Maker = (random, name) => {
  const data = pick<unknown>(random, [{ k: "v" }, { k: null }, { "bad/key": "v" }, null, {}]);
  return {
    what: `config map ${name} ${show(data)}`,
    async take({ server, namespace }) {
      const path = core(namespace, "configmaps");
      const made = await server.post(path, { metadata: { name }, data });
      return made.status === 409 ? server.merge(`${path}/${name}`, { data }) : made;
    },
  };
};

const pods = ({ namespace }: Walker, name = "") => core(namespace, "pods", name);

const createPod: Maker = (random, name) => {
  const nodeName = pick<unknown>(random, [undefined, "node-1"]);
  const image = pick<unknown>(random, ["x", "x:latest", "x:1", "", "h:1/x"]);
  const restartPolicy = pick<unknown>(random, [undefined, "Never", "never"]);
  const spec = { nodeName, restartPolicy, containers: [{ name: "runner", image }] };
  // The real cluster's pod collector takes away what ends without ever having had a node.
  const held = nodeName === undefined ? [] : pick(random, finalizers);
  const body = pod(name, spec, { finalizers: held });
  return {
    what: `create pod ${show(body)}`,
    take: (walker) => walker.server.post(pods(walker), body),
  };
};

const runPod: Maker = (random, name) => {
  const phase = pick(random, ["Running", "Succeeded", "Failed"]);
  return {
    what: `pod ${name} becomes ${phase}`,
    take: (walker) =>
      walker.server.merge(`${pods(walker, name)}/status`, {
        status: { phase, reason: "R" },
        metadata: { labels: { seen: phase } },
      }),
  };
};

const deletePod: Maker = (random, name) => {
  const gracePeriodSeconds = pick<unknown>(random, [undefined, 0, 1, 60]);
  return {
    what: `delete pod ${name} ${show(gracePeriodSeconds)}`,
    take: (walker) => walker.server.remove(pods(walker, name), { gracePeriodSeconds }),
  };
};

const finishPod: Maker = (_random, name) => ({
  what: `finish pod ${name}`,
  take: (walker) => walker.server.merge(pods(walker, name), { metadata: { finalizers: null } }),
});

const patchPod: Maker = (random, name) => {
  const spec = pick<JsonObject>(random, [
    { containers: [{ name: "runner", image: "x:2" }] },
    { activeDeadlineSeconds: 5 },
    { hostname: "h" },
    { containers: [{ name: "other", image: "x" }] },
    { containers: [{ name: "runner", $patch: "delete" }] },
  ]);
  return {
    what: `strategic pod ${name} ${show(spec)}`,
    take: (walker) =>
      walker.server.call("PATCH", pods(walker, name), {
        body: { spec },
        contentType: "application/strategic-merge-patch+json",
      }),
  };
};

const makers: readonly Maker[] = [
  createSet,
  mergeSet,
  mergeStatus,
  patchSet,
  patchSet,
  fencedPatch,
  putSet,
  deleteSet,
  finishSet,
  getSet,
  listSets,
  writeMap,
  createPod,
  createPod,
  runPod,
  deletePod,
  finishPod,
  patchPod,
];
