// Why: ARC's users come with releases of its chart. What it renders is what ours renders, but for one Role; so the
// suites can have such a release without having that chart.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Rendered } from "./helm.ts";

/** Of the manager's Role (ARC 0.14.2, charts/gha-runner-scale-set/templates/manager_role.yaml). */
const rulesOfArc = [
  { apiGroups: [""], resources: ["pods"], verbs: ["create", "delete", "get"] },
  { apiGroups: [""], resources: ["pods/status"], verbs: ["get"] },
  ...["secrets", "serviceaccounts"].map((resource) => ({
    apiGroups: [""],
    resources: [resource],
    verbs: ["create", "delete", "get", "list", "patch", "update"],
  })),
  {
    apiGroups: ["rbac.authorization.k8s.io"],
    resources: ["rolebindings", "roles"],
    verbs: ["create", "delete", "get", "patch", "update"],
  },
];

/** The objects of our chart of a runner set, in mode none, with ARC's rights. */
export function asArcRenders(objects: Rendered[]): Rendered[] {
  return objects.map((object) =>
    object.kind === "Role" ? { ...object, rules: rulesOfArc } : object,
  );
}

/** Writes a chart that renders these objects into a folder that is not there yet. */
export function writeChart(
  dir: string,
  chart: { name: string; version: string },
  objects: Rendered[],
): void {
  mkdirSync(join(dir, "templates"), { recursive: true });
  // JSON is YAML.
  writeFileSync(join(dir, "Chart.yaml"), JSON.stringify({ apiVersion: "v2", ...chart }));
  const texts = objects.map((object) => JSON.stringify(object));
  writeFileSync(join(dir, "templates/all.yaml"), texts.join("\n---\n"));
}
