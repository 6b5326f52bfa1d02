// Why: what is deployed is not the sources but a bundle of each function, made by SST with esbuild. This makes the same
// without SST: its options (sst, pkg/runtime/node/build.go) and ours.
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleOptions } from "./bundle-options.ts";

const functions = fileURLToPath(new URL("../../../functions/", import.meta.url));

export const functionNames = ["webhook", "poller", "sweep"] as const;
export type FunctionName = (typeof functionNames)[number];

export interface Bundle {
  /** Exports `handler`. */
  path: string;
  bytes: number;
}

/** What CommonJS code in an ES module needs, as SST writes it in front of each bundle. */
const banner = [
  `import { createRequire as topLevelCreateRequire } from 'module';`,
  `const require = topLevelCreateRequire(import.meta.url);`,
  `import { fileURLToPath as topLevelFileUrlToPath, URL as topLevelURL } from "url"`,
  `const __filename = topLevelFileUrlToPath(import.meta.url)`,
  `const __dirname = topLevelFileUrlToPath(new topLevelURL(".", import.meta.url))`,
].join("\n");

/** Throws in one line where there is no esbuild. */
export async function requireBundler(): Promise<void> {
  await loadEsbuild();
}

/** Makes the bundle of a function in `folder`, as `NAME.mjs`. Throws as `requireBundler` does. */
export async function bundleFunction(name: FunctionName, folder: string): Promise<Bundle> {
  const { build } = await loadEsbuild();
  const path = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [join(functions, `${name}.ts`)],
    outfile: path,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "es2024",
    mainFields: ["module", "main"],
    external: ["sharp", "pg-native"],
    keepNames: true,
    minify: bundleOptions.minify,
    conditions: bundleOptions.esbuild.conditions,
    banner: { js: banner },
    logLevel: "error",
  });
  return { path, bytes: statSync(path).size };
}

/** A tool of development: whoever only runs Runlet on one machine need not have it. */
function loadEsbuild() {
  return import("esbuild").catch((cause: unknown) => {
    const why = "esbuild, which makes the bundles, is not installed";
    throw new Error(`${why}: install everything (npm ci, without --omit=dev)`, { cause });
  });
}
