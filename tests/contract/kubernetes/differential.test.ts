import { createSeededRandom } from "@runlet/runtime/random";
import { at, isRecord, list, type JsonObject } from "@runlet/simulators/kube-api/api-object";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { drawWalk, type Step, type Walker } from "./random-walk.ts";
import {
  actions,
  core,
  findRealServer,
  openBackend,
  openTestServer,
  readWalks,
  type Reply,
  type TestServer,
} from "./test-server.ts";

const { first, count } = readWalks();
if (findRealServer() === undefined) {
  process.stderr.write(
    "differential.test.ts is skipped: it needs a real API server beside it (npm run test:cluster)\n",
  );
}

// RUNLET_SEED=S RUNLET_WALKS=N choose the walks; a failure prints its seed and the way so far.
describe.skipIf(findRealServer() === undefined)("the simulator beside the real server", () => {
  let real: TestServer;
  let simulated: TestServer;
  beforeAll(async () => {
    real = await openTestServer();
    simulated = await openTestServer(openBackend("simulator"));
    // Pods of a node that is not there would be collected under the walk's feet.
    await real.post("/api/v1/nodes", { metadata: { name: "node-1" } });
  });
  afterAll(async () => {
    await real.close();
    await simulated.close();
  });

  it.each(Array.from({ length: count }, (_, index) => first + index))(
    "answers the same all along the walk of seed %i, and its watches tell the same of it",
    async (seed) => {
      const steps = drawWalk(createSeededRandom(seed), 60);
      const [ours, theirs] = await Promise.all([walk(simulated, steps), walk(real, steps)]);
      const way = (upTo: number) =>
        [`seed ${seed}:`, ...steps.slice(0, upTo).map(({ what }) => what)].join("\n");
      for (const [index, theirAnswer] of theirs.answers.entries()) {
        expect(ours.answers[index], way(index + 1)).toEqual(theirAnswer);
      }
      expect(ours.events, way(steps.length)).toEqual(theirs.events);
    },
    60_000,
  );
});

async function walk(server: TestServer, steps: readonly Step[]) {
  const namespace = await server.namespace();
  const walker: Walker = { server, namespace, seen: new Map() };
  const kinds = [actions(namespace, "ephemeralrunnersets"), core(namespace, "pods")];
  const lists = await Promise.all(kinds.map((path) => server.get(path)));
  const answers: unknown[] = [];
  for (const step of steps) {
    const reply = await step.take(walker);
    answers.push(comparable(reply, namespace));
    const { kind, metadata } = reply.body;
    const isObject = reply.status < 300 && isRecord(metadata) && metadata.uid !== undefined;
    if (isObject) walker.seen.set(`${kind} ${metadata.name}`, reply.body);
  }
  const from = lists.map((reply) => reply.body.metadata.resourceVersion ?? "");
  const events = kinds.map((path, index) => replay(walker, path, from[index] ?? ""));
  return { answers, events: await Promise.all(events) };
}

/** What a watch from before the walk tells of it. */
async function replay(walker: Walker, path: string, from: string): Promise<unknown[]> {
  const query = `watch=true&resourceVersion=${from}&timeoutSeconds=1`;
  const watch = await walker.server.watch(`${path}?${query}`);
  const events = await watch.rest(1_500);
  return events.map(({ type, object }) => ({ type, object: strip(object, walker.namespace) }));
}

const madeUp = new Set([
  "uid",
  "resourceVersion",
  "creationTimestamp",
  "deletionTimestamp",
  "managedFields",
  // A token (of a page) is each server's own.
  "continue",
]);

/** JSON without what each server makes up, and without what the real one injects into pods. */
function strip(value: unknown, namespace: string): unknown {
  if (typeof value === "string") return value.replaceAll(namespace, "NAMESPACE");
  if (Array.isArray(value)) return value.map((item) => strip(item, namespace));
  if (!isRecord(value)) return value;
  const kept = Object.entries(value)
    .filter(([key, item]) => !madeUp.has(key) && !isInjected(key, item))
    .map(([key, item]) => [key, strip(item, namespace)] as const);
  return Object.fromEntries(kept);
}

/** The volume of the account's token, default tolerations and priority: plugins the simulator lacks. */
function isInjected(key: string, value: unknown): boolean {
  if (["volumes", "volumeMounts"].includes(key)) {
    return list(value).every((item) => String(at(item, "name")).startsWith("kube-api-access-"));
  }
  return ["tolerations", "priority", "preemptionPolicy"].includes(key);
}

/** An answer as it can be compared. Messages are each server's words: of a refusal its fields count. */
function comparable(reply: Reply, namespace: string): unknown {
  const { status, body } = reply;
  const marked = isRecord(body.metadata) && body.metadata.deletionTimestamp !== undefined;
  if (status >= 400) return { status, reason: body.reason, causes: fieldsOf(body) };
  return { status, marked, body: strip(body, namespace) };
}

/** Which fields were refused, whatever the words. */
function fieldsOf(body: JsonObject): unknown {
  const causes = list(at(body, "details", "causes"));
  const fields = new Set(causes.map((cause) => String(at(cause, "field"))));
  // That other rules were not looked at is no field.
  fields.delete("<nil>");
  return [...fields].toSorted();
}
