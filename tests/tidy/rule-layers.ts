// Why: imports go downward only, and siblings do not know each other; so a part can be read, tested and
// replaced alone. Vendors' SDKs stay in the one file that adapts them.
import { importsOf, packageOf } from "./imports.ts";
import type { Manifests } from "./rule-imports.ts";
import { isTest, type Finding, type SourceFile } from "./source-file.ts";

/** The layers from below; a package may use those of lower layers. */
export const layers: readonly (readonly string[])[] = [
  ["domain", "runtime"],
  ["actions-service", "kubernetes", "coordination"],
  ["control-plane", "reconciler", "simulators"],
  ["runlet"],
];

/** Each package.json lists packages of lower layers only. */
export function layerRule(manifests: Manifests): Finding[] {
  const layerOf = (name: string) => layers.findIndex((layer) => layer.includes(name));
  return [...manifests.packages].flatMap(([folder, listed]) => {
    const path = `${folder}/package.json`;
    const own = layerOf(folder.replace("packages/", ""));
    if (own < 0) return [{ path, line: 1, what: "stands in no layer (tests/tidy/rule-layers.ts)" }];
    const ours = [...listed].filter((name) => name.startsWith("@runlet/"));
    const wrong = ours.filter((name) => {
      const layer = layerOf(name.replace("@runlet/", ""));
      return layer < 0 || layer >= own;
    });
    return wrong.map((name) => ({ path, line: 1, what: `lists ${name}, which is not below it` }));
  });
}

/** Where each vendor's code may be imported; `types` says that its types may be used everywhere. */
const vendors: { name: RegExp; where: RegExp; types?: true }[] = [
  { name: /^@aws-sdk\//, where: /^packages\/kubernetes\/eks/ },
  {
    name: /^@kubernetes\/client-node$/,
    where: /^packages\/(kubernetes\/(access|user-kubeconfig)|runlet\/(commands|local)\/)/,
    types: true,
  },
  { name: /^aws4fetch$/, where: /^packages\/runtime\/aws-sign/ },
  { name: /^@octokit\/auth-app$/, where: /^packages\/actions-service\// },
  { name: /^@octokit\/webhooks$/, where: /^packages\/control-plane\/webhook\// },
  {
    name: /^hono$/,
    where: /^(packages\/(control-plane\/webhook|simulators|runlet)\/|functions\/)/,
  },
  { name: /^@hono\/node-server$/, where: /^packages\/(simulators|runlet)\// },
  { name: /^node:sqlite$/, where: /^packages\/coordination\/(sqlite|state-file)/ },
  { name: /^ajv$/, where: /^packages\/simulators\// },
];

export function vendorRule(file: SourceFile): Finding[] {
  if (!/^(packages|functions)\/.+\.ts$/.test(file.path) || isTest(file.path)) return [];
  return importsOf(file).flatMap((one) => {
    const vendor = vendors.find(({ name }) => name.test(packageOf(one.specifier)));
    if (!vendor || vendor.where.test(file.path)) return [];
    if (vendor.types && one.typeOnly) return [];
    return [{ path: file.path, line: one.line, what: `uses ${one.specifier} outside its adapter` }];
  });
}
