// Why: kubectl does not know our kinds; what `kubectl get` prints is a table that the server makes
// (Kubernetes docs, "Kubernetes API Concepts": receiving resources as Tables).
import {
  at,
  isRecord,
  list,
  record,
  textAt,
  type ApiObject,
  type JsonObject,
} from "./api-object.ts";
import type { Column, Kind } from "./kinds.ts";

/** Seconds, minutes … as kubectl shows ages (apimachinery, duration.HumanDuration). */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return withRest(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return withRest(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (hours < 192) return withRest(days, "d", hours % 24, "h");
  return days < 730 ? `${days}d` : `${Math.floor(days / 365)}y`;
}

const withRest = (whole: number, unit: string, rest: number, small: string) =>
  rest === 0 ? `${whole}${unit}` : `${whole}${unit}${rest}${small}`;

const age = (time: string, now: number) =>
  time === "" ? "<unknown>" : humanDuration(now - Date.parse(time));

interface Printer {
  columns: Column[];
  cells: (object: ApiObject, now: number) => unknown[];
}

const text = (name: string, priority = 0): Column => ({ name, type: "string", priority });
const nameColumn: Column = { name: "Name", type: "string", format: "name" };

function printer(columns: Column[], cells: (object: ApiObject, now: number) => unknown[]): Printer {
  return {
    columns: [nameColumn, ...columns],
    cells: (object, now) => [object.metadata.name, ...cells(object, now)],
  };
}

const created = (object: ApiObject, now: number) =>
  age(object.metadata.creationTimestamp ?? "", now);
const sizeOf = (value: unknown) => Object.keys(record(value)).length;
const wide = (value: string) => (value === "" ? "<none>" : value);

const builtIn: Record<string, Printer> = {
  Pod: printer(
    [
      text("Ready"),
      text("Status"),
      text("Restarts"),
      text("Age"),
      text("IP", 1),
      text("Node", 1),
      text("Nominated Node", 1),
      text("Readiness Gates", 1),
    ],
    podCells,
  ),
  Namespace: printer([text("Status"), text("Age")], (o, now) => [
    textAt(o, "status", "phase"),
    created(o, now),
  ]),
  Secret: printer([text("Type"), { name: "Data", type: "integer" }, text("Age")], (o, now) => [
    textAt(o, "type"),
    sizeOf(o.data),
    created(o, now),
  ]),
  ConfigMap: printer([{ name: "Data", type: "integer" }, text("Age")], (o, now) => [
    sizeOf(o.data) + sizeOf(o.binaryData),
    created(o, now),
  ]),
  Event: {
    columns: [
      text("Last Seen"),
      text("Type"),
      text("Reason"),
      text("Object"),
      text("Subobject", 1),
      text("Source", 1),
      text("Message"),
      text("First Seen", 1),
      { name: "Count", type: "integer" as const, priority: 1 },
      { ...nameColumn, priority: 1 },
    ],
    cells: eventCells,
  },
  Lease: printer([text("Holder"), text("Age")], (o, now) => [
    textAt(o, "spec", "holderIdentity"),
    created(o, now),
  ]),
  Node: printer([text("Status"), text("Roles"), text("Age"), text("Version")], (o, now) => [
    isReady(o) ? "Ready" : "NotReady",
    "<none>",
    created(o, now),
    textAt(o, "status", "nodeInfo", "kubeletVersion"),
  ]),
  Deployment: printer(
    [text("Ready"), text("Up-to-date"), text("Available"), text("Age")],
    (o, now) => {
      const count = (field: string) => Number(at(o, "status", field) ?? 0);
      const wanted = Number(at(o, "spec", "replicas") ?? 1);
      const ready = `${count("readyReplicas")}/${wanted}`;
      return [ready, count("updatedReplicas"), count("availableReplicas"), created(o, now)];
    },
  ),
  RoleBinding: printer([text("Role"), text("Age")], bindingCells),
  ClusterRoleBinding: printer([text("Role"), text("Age")], bindingCells),
  Role: printer([text("Created At")], (o) => [o.metadata.creationTimestamp]),
  ClusterRole: printer([text("Created At")], (o) => [o.metadata.creationTimestamp]),
  CustomResourceDefinition: printer([text("Created At")], (o) => [o.metadata.creationTimestamp]),
};

const plain = printer([text("Age")], (object, now) => [created(object, now)]);

function bindingCells(object: ApiObject, now: number) {
  const role = `${textAt(object, "roleRef", "kind")}/${textAt(object, "roleRef", "name")}`;
  return [role, created(object, now)];
}

function isReady(object: ApiObject): boolean {
  const conditions = list(at(object, "status", "conditions"));
  return conditions.some((c) => textAt(c, "type") === "Ready" && textAt(c, "status") === "True");
}

function podCells(pod: ApiObject, now: number): unknown[] {
  const statuses = list(at(pod, "status", "containerStatuses"));
  const ready = statuses.filter((container) => at(container, "ready") === true).length;
  const total = list(at(pod, "spec", "containers")).length;
  const restarts = statuses.reduce<number>((sum, c) => sum + Number(at(c, "restartCount") ?? 0), 0);
  return [
    `${ready}/${total}`,
    podStatus(pod, statuses),
    String(restarts),
    created(pod, now),
    wide(textAt(pod, "status", "podIP")),
    wide(textAt(pod, "spec", "nodeName")),
    "<none>",
    "<none>",
  ];
}

/** The word that kubectl shows: the reason of a container beats the phase of the pod. */
function podStatus(pod: ApiObject, statuses: unknown[]): string {
  if (pod.metadata.deletionTimestamp) return "Terminating";
  let shown = textAt(pod, "status", "reason") || textAt(pod, "status", "phase");
  for (const container of statuses) {
    const waiting = textAt(container, "state", "waiting", "reason");
    const ended = at(container, "state", "terminated");
    if (waiting !== "") shown = waiting;
    else if (isRecord(ended))
      shown = textAt(ended, "reason") || `ExitCode:${String(ended.exitCode)}`;
  }
  return shown;
}

function eventCells(event: ApiObject, now: number): unknown[] {
  const about = record(event.involvedObject);
  const count = at(event, "count");
  const last = textAt(event, "lastTimestamp") || textAt(event, "eventTime");
  const source = [textAt(event, "source", "component"), textAt(event, "source", "host")];
  return [
    age(last, now),
    textAt(event, "type"),
    textAt(event, "reason"),
    `${textAt(about, "kind").toLowerCase()}/${textAt(about, "name")}`,
    textAt(about, "fieldPath"),
    source.filter((part) => part !== "").join(", "),
    textAt(event, "message").trim(),
    age(textAt(event, "firstTimestamp") || last, now),
    typeof count === "number" ? count : 1,
    event.metadata.name,
  ];
}

function customPrinter(columns: Column[]): Printer {
  return printer(columns, (object, now) =>
    columns.map((column) => {
      const value = valueAt(object, column.jsonPath ?? "");
      if (column.type === "date") return typeof value === "string" ? age(value, now) : null;
      return fits(value, column.type) ? value : null;
    }),
  );
}

/** A column's path: fields, and lists filtered by one field, as `.status.conditions[?(@.type=="Ready")].reason`. */
function valueAt(object: unknown, path: string): unknown {
  const filtered = /^([^[]*)\[\?\(@\.(\w+)==["']([^"']*)["']\)\](.*)$/.exec(path);
  if (!filtered) return at(object, ...path.split(".").slice(1));
  const [, before = "", field = "", wanted = "", after = ""] = filtered;
  const items = list(at(object, ...before.split(".").slice(1)));
  return valueAt(
    items.find((item) => at(item, field) === wanted),
    after,
  );
}

function fits(value: unknown, type: Column["type"]): boolean {
  if (type === "string") return typeof value === "string";
  if (type === "boolean") return typeof value === "boolean";
  return typeof value === "number" || typeof value === "bigint";
}

/** Objects as a table. `include` says what each row carries of its object. */
export function toTable(
  kind: Kind,
  objects: readonly ApiObject[],
  options: { now: number; include: string; metadata: JsonObject; columns: boolean },
): JsonObject {
  const { columns, cells } = kind.custom
    ? customPrinter(kind.custom.columns)
    : (builtIn[kind.kind] ?? plain);
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: options.metadata,
    columnDefinitions: options.columns ? columns.map(describe) : null,
    rows: objects.map((object) => ({
      cells: cells(object, options.now),
      ...(options.include === "None" ? {} : { object: shown(object, options.include) }),
    })),
  };
}

const describe = (column: Column) => ({
  name: column.name,
  type: column.type === "date" ? "string" : column.type,
  format: column.format ?? "",
  description: column.description ?? "",
  priority: column.priority ?? 0,
});

function shown(object: ApiObject, include: string): JsonObject {
  return include === "Object" ? object : metadataOnly(object);
}

export const metadataOnly = (object: ApiObject): JsonObject => ({
  kind: "PartialObjectMetadata",
  apiVersion: "meta.k8s.io/v1",
  metadata: object.metadata,
});
