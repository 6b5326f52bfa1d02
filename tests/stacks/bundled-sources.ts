// Why: what a function's code does is what is in its bundle. So the rules read exactly those of our files, found by the bundler
// as SST calls it (packages/runlet/artifacts/bundle-function.ts makes the bundles themselves).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { maskComments } from "../tidy/mask.ts";
import type { FunctionName } from "./deployment.ts";
import { root } from "./platform.ts";

type Sources = ReadonlyMap<string, string>;

/** They do not change while the tests run. */
const known = new Map<FunctionName, Promise<Sources>>();

/** Our files in a function's bundle, by their path from the root; comments blanked out. */
export function readBundledSources(name: FunctionName): Promise<Sources> {
  const reading = known.get(name) ?? read(name);
  known.set(name, reading);
  return reading;
}

async function read(name: FunctionName): Promise<Sources> {
  const { metafile } = await build({
    entryPoints: [join(root, `functions/${name}.ts`)],
    absWorkingDir: root,
    bundle: true,
    write: false,
    outfile: `${name}.mjs`,
    platform: "node",
    format: "esm",
    mainFields: ["module", "main"],
    conditions: ["aws"],
    metafile: true,
    logLevel: "silent",
  });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  // What the bundler has shaken out does nothing.
  const paths = inputs.flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []));
  const ours = paths.filter((path) => /^(functions|packages)\//.test(path));
  return new Map(
    ours.map((path) => [path, maskComments(readFileSync(join(root, path), "utf8"))] as const),
  );
}
