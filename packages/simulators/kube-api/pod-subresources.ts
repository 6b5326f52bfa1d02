// Why: two things about a pod are asked beside the object itself: its logs, which only the kubelet knows,
// and its binding to a node, which a scheduler (here: the kubelet's player) writes.
import { at, list, record, textAt, type ApiObject } from "./api-object.ts";
import { about, type Cluster } from "./cluster.ts";
import { badRequest, conflict } from "./status-error.ts";
import { getObject, updateObject, type Place } from "./writes.ts";

export interface PodLogRequest {
  namespace: string;
  pod: string;
  uid: string;
  container: string;
  previous: boolean;
}

/** Where a pod's logs come from: what was written so far, line by line. */
export type PodLogs = (request: PodLogRequest) => string | undefined;

/** While a log is followed, it is read again this often. */
const followEveryMs = 200;

/** The answer to `GET …/pods/NAME/log`; undefined (204) while the pod has no node. */
export function podLog(
  cluster: Cluster,
  place: Place,
  query: URLSearchParams,
  logs: PodLogs,
): ReadableStream | string | undefined {
  const pod = getObject(cluster, place);
  const container = containerOf(pod, query.get("container"));
  const { namespace = "", name, uid = "" } = pod.metadata;
  const previous = query.get("previous") === "true";
  const read = () => logs({ namespace, pod: name, uid, container, previous }) ?? "";
  if (textAt(pod, "spec", "nodeName") === "" && read() === "") return undefined;
  const first = lastLines(read(), query.get("tailLines"));
  if (query.get("follow") !== "true") return first;
  return follow(cluster, place, first, read);
}

function containerOf(pod: ApiObject, asked: string | null): string {
  const fields = ["containers", "initContainers"];
  const spec = fields.flatMap((field) => list(at(pod, "spec", field)));
  const names = spec.map((container) => textAt(container, "name"));
  const { name } = pod.metadata;
  if (asked !== null && asked !== "") {
    if (names.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) return only;
  const choice = `choose one of: [${names.join(" ")}]`;
  throw badRequest(`a container name must be specified for pod ${name}, ${choice}`);
}

function lastLines(text: string, tail: string | null): string {
  if (tail === null || !/^\d+$/.test(tail)) return text;
  const lines = text.split("\n");
  const ends = text.endsWith("\n");
  const whole = ends ? lines.slice(0, -1) : lines;
  const kept = Number(tail) === 0 ? [] : whole.slice(-Number(tail));
  return kept.join("\n") + (ends && kept.length > 0 ? "\n" : "");
}

function follow(cluster: Cluster, place: Place, first: string, read: () => string): ReadableStream {
  const encoder = new TextEncoder();
  let cancel = () => {};
  return new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(first));
      let seen = read().length;
      const look = () => {
        const text = read();
        if (text.length > seen) controller.enqueue(encoder.encode(text.slice(seen)));
        seen = text.length;
        if (isOver(cluster, place)) controller.close();
        else cancel = cluster.clock.after(followEveryMs, look);
      };
      look();
    },
    cancel: () => cancel(),
  });
}

function isOver(cluster: Cluster, place: Place): boolean {
  try {
    const pod = getObject(cluster, place);
    return ["Succeeded", "Failed"].includes(textAt(pod, "status", "phase"));
  } catch {
    // The pod is gone: so is its log.
    return true;
  }
}

/** `POST …/pods/NAME/binding`: the pod belongs to a node from now on. */
export function bindPod(cluster: Cluster, place: Place, body: unknown): void {
  const node = textAt(body, "target", "name");
  if (node === "") throw badRequest("Binding needs a target");
  const condition = { type: "PodScheduled", status: "True", lastTransitionTime: cluster.now() };
  const bind = (pod: ApiObject) => {
    const before = textAt(pod, "spec", "nodeName");
    if (before !== "") {
      const why = `pod ${place.name} is already assigned to node "${before}"`;
      throw conflict(about(place.kind, place.name), why, "pods/binding");
    }
    const status = record(pod.status);
    const others = list(status.conditions).filter((c) => textAt(c, "type") !== "PodScheduled");
    return {
      ...pod,
      spec: { ...record(pod.spec), nodeName: node },
      status: { ...status, conditions: [...others, condition] },
    };
  };
  updateObject(cluster, place, bind, { fieldValidation: "Ignore", dryRun: false });
}
