// Why: a pod is the one built-in object whose rules shape a runner's life: defaults, what is refused at
// creation (quota, priority class, service account, a bad template) and what may change later
// (kubernetes/pkg/apis/core/validation and the admission plugins of the same names).
import { at, clone, isRecord, list, record, same, textAt, type ApiObject } from "./api-object.ts";
import { about, type Cluster } from "./cluster.ts";
import { keyOf, type Kind } from "./kinds.ts";
import { isLabelName, labelSays } from "./object-meta.ts";
import { badValue, forbidden, required, type Cause } from "./status-error.ts";

/** Fills in what the real server does; in place. */
export function defaultPod(pod: ApiObject): void {
  const spec = record(pod.spec);
  pod.spec = spec;
  const account = textAt(spec, "serviceAccountName") || textAt(spec, "serviceAccount") || "default";
  Object.assign(spec, {
    restartPolicy: spec.restartPolicy ?? "Always",
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? 30,
    dnsPolicy: spec.dnsPolicy ?? "ClusterFirst",
    serviceAccountName: account,
    serviceAccount: account,
    securityContext: spec.securityContext ?? {},
    schedulerName: spec.schedulerName ?? "default-scheduler",
    enableServiceLinks: spec.enableServiceLinks ?? true,
  });
  for (const container of [...list(spec.containers), ...list(spec.initContainers)]) {
    if (isRecord(container)) defaultContainer(container);
  }
}

function defaultContainer(container: Record<string, unknown>) {
  const image = textAt(container, "image");
  const latest = !/[:@][^/]+$/.test(image) || image.endsWith(":latest");
  container.resources ??= {};
  container.terminationMessagePath ??= "/dev/termination-log";
  container.terminationMessagePolicy ??= "File";
  container.imagePullPolicy ??= latest ? "Always" : "IfNotPresent";
  for (const port of list(container.ports)) if (isRecord(port)) port.protocol ??= "TCP";
}

export const newPodStatus = () => ({ phase: "Pending", qosClass: "BestEffort" });

/** Refuses a pod that the admission plugins of a real server would refuse; throws 403. */
export function admitPod(cluster: Cluster, kind: Kind, pod: ApiObject): void {
  const { namespace = "", name } = pod.metadata;
  const priorityClass = textAt(pod, "spec", "priorityClassName");
  const builtIn = ["", "system-cluster-critical", "system-node-critical"];
  const classes = "scheduling.k8s.io/priorityclasses";
  if (!builtIn.includes(priorityClass) && !cluster.store.get(classes, priorityClass)) {
    const why = `no PriorityClass with name ${priorityClass} was found`;
    throw forbidden(about(kind, name), why);
  }
  const account = textAt(pod, "spec", "serviceAccountName");
  if (!cluster.store.get("/serviceaccounts", keyOf(namespace, account))) {
    const missing = `serviceaccount "${account}" not found`;
    const why = `error looking up service account ${namespace}/${account}: ${missing}`;
    throw forbidden(about(kind, name), why);
  }
  admitUnderQuota(cluster, kind, pod);
}

const isOver = (pod: ApiObject) => ["Succeeded", "Failed"].includes(textAt(pod, "status", "phase"));

/** Counts pods against each ResourceQuota of the namespace. */
function admitUnderQuota(cluster: Cluster, kind: Kind, pod: ApiObject) {
  const { namespace = "", name } = pod.metadata;
  const inNamespace = (object: ApiObject) => object.metadata.namespace === namespace;
  for (const quota of cluster.store.list("/resourcequotas").filter(inNamespace)) {
    const hard = record(at(quota, "spec", "hard"));
    const resource = hard.pods === undefined ? "count/pods" : "pods";
    if (hard[resource] === undefined) continue;
    const limit = Number(hard[resource]);
    const used = cluster.store.list("/pods").filter((p) => inNamespace(p) && !isOver(p)).length;
    if (used < limit) continue;
    const counts = `requested: ${resource}=1, used: ${resource}=${used}, limited: ${resource}=${limit}`;
    throw forbidden(about(kind, name), `exceeded quota: ${quota.metadata.name}, ${counts}`);
  }
}

/** What is wrong with a pod's spec. */
export function validatePod(pod: ApiObject): Cause[] {
  const containers = list(at(pod, "spec", "containers"));
  const causes = containers.length === 0 ? [required("spec.containers")] : [];
  const seen = new Set<string>();
  for (const field of ["initContainers", "containers"]) {
    for (const [index, container] of list(at(pod, "spec", field)).entries()) {
      causes.push(...containerCauses(container, `spec.${field}[${index}]`, seen));
    }
  }
  const policy = textAt(pod, "spec", "restartPolicy");
  if (!["Always", "OnFailure", "Never"].includes(policy)) {
    const field = "spec.restartPolicy";
    const supported = `supported values: "Always", "OnFailure", "Never"`;
    const message = `Unsupported value: "${policy}": ${supported}`;
    causes.push({ reason: "FieldValueNotSupported", message, field });
  }
  return causes;
}

function containerCauses(container: unknown, path: string, seen: Set<string>): Cause[] {
  const causes: Cause[] = [];
  const name = textAt(container, "name");
  if (name === "") causes.push(required(`${path}.name`));
  else if (!isLabelName(name)) causes.push(badValue(`${path}.name`, name, labelSays));
  else if (seen.has(name)) {
    const message = `Duplicate value: "${name}"`;
    causes.push({ reason: "FieldValueDuplicate", message, field: `${path}.name` });
  }
  seen.add(name);
  if (textAt(container, "image") === "") causes.push(required(`${path}.image`));
  for (const [index, variable] of list(at(container, "env")).entries()) {
    if (textAt(variable, "name") === "") causes.push(required(`${path}.env[${index}].name`));
  }
  return causes;
}

const frozen =
  "pod updates may not change fields other than `spec.containers[*].image`," +
  "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions " +
  "to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was " +
  "previously negative)";

/** A pod's spec stays as it is but for a few fields. */
export function validatePodUpdate(pod: ApiObject, old: ApiObject): Cause[] {
  for (const field of ["containers", "initContainers"]) {
    const count = (object: ApiObject) => list(at(object, "spec", field)).length;
    if (count(pod) === count(old)) continue;
    const message = "Forbidden: pod updates may not add or remove containers";
    return [{ reason: "FieldValueForbidden", message, field: `spec.${field}` }];
  }
  if (same(unchangeable(pod), unchangeable(old))) return [];
  return [{ reason: "FieldValueForbidden", message: `Forbidden: ${frozen}`, field: "spec" }];
}

function unchangeable(pod: ApiObject): unknown {
  const spec = clone(record(pod.spec));
  delete spec.activeDeadlineSeconds;
  delete spec.tolerations;
  for (const container of [...list(spec.containers), ...list(spec.initContainers)]) {
    if (isRecord(container)) delete container.image;
  }
  return spec;
}

/** Seconds a deletion waits for the kubelet; 0: the pod goes at once (pod strategy, CheckGracefulDelete). */
export function podGraceSeconds(pod: ApiObject, asked: number | undefined): number {
  if (textAt(pod, "spec", "nodeName") === "" || isOver(pod)) return 0;
  const own = at(pod, "spec", "terminationGracePeriodSeconds");
  const wanted = asked ?? (typeof own === "number" ? own : 30);
  return wanted < 0 ? 1 : wanted;
}
