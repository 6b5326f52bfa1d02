// Why: the charts are shown with the real helm: what they render, what they refuse, and what they leave behind.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { KubernetesObject } from "@runlet/kubernetes/client";
import { parseAllDocuments } from "yaml";
import { getClientBinaries } from "./binaries.ts";

const chartPath = (name: string) =>
  fileURLToPath(new URL(`../../packages/reconciler/${name}`, import.meta.url));

export const charts = {
  reconciler: chartPath("chart"),
  runnerSet: chartPath("chart-runner-set"),
} as const;

/** Whatever its kind, as far as the tests look into it. */
export interface Rendered extends KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: KubernetesObject["metadata"] & { name: string };
  spec?: Record<string, unknown>;
  rules?: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
  [field: string]: unknown;
}

export interface Run {
  ok: boolean;
  /** Standard output. */
  out: string;
  /** Standard error, without helm's remarks on links in our charts. */
  errors: string;
}

export interface Helm {
  /** For files of the suite. */
  dir: string;
  /** Runs helm; `values` become a file. */
  run(args: string[], values?: object): Promise<Run>;
  /** `helm template`; throws with what helm says. */
  render(chart: string, values: object, args?: string[]): Promise<string>;
  /** Removes the folder; values have credentials. */
  close(): void;
}

/** Helm with settings and caches of its own; talks to a cluster only with a kubeconfig. */
export async function createHelm(kubeconfig?: string): Promise<Helm> {
  const { helm } = await getClientBinaries();
  const home = mkdtempSync(join(tmpdir(), "runlet-helm-"));
  const env = {
    HELM_CACHE_HOME: home,
    HELM_CONFIG_HOME: home,
    HELM_DATA_HOME: home,
    HOME: home,
    ...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }),
  };
  let files = 0;
  function run(args: string[], values?: object): Promise<Run> {
    const all = [...args];
    if (values) {
      const file = join(home, `values-${++files}.yaml`);
      // JSON is YAML.
      writeFileSync(file, JSON.stringify(values));
      all.push("--values", file);
    }
    return new Promise((resolve) => {
      const options = { env, maxBuffer: 16 * 1024 * 1024, timeout: 120_000 };
      execFile(helm, all, options, (error, out, errors) => {
        const lines = errors.split("\n").filter((line) => !line.includes("found symbolic link"));
        resolve({ ok: error === null, out, errors: lines.join("\n") });
      });
    });
  }
  return {
    dir: home,
    run,
    close: () => rmSync(home, { recursive: true, force: true }),
    async render(chart, values, args = []) {
      const place = ["--namespace", "runners", "--kube-version", "1.36.0"];
      const { ok, out, errors } = await run(["template", "arc", chart, ...place, ...args], values);
      if (!ok) throw new Error(errors);
      return out;
    },
  };
}

/** The objects of a rendering, in its order. */
export function objectsOf(text: string): Rendered[] {
  return parseAllDocuments(text).flatMap((document) => {
    const object = document.toJS() as Rendered | null;
    return object ? [object] : [];
  });
}

/** The only object of its kind; throws when there is another number of them. */
export function oneOf(objects: Rendered[], kind: string): Rendered {
  const [found, ...more] = objects.filter((object) => object.kind === kind);
  if (!found || more.length > 0) throw new Error(`${found ? "more than one" : "no"} ${kind}`);
  return found;
}
