// Why: SST's command bundles sst.config.ts and what it imports, gives every file of it `aws` and `sst`, and injects the
// names that begin with a dollar (sst, pkg/js/js.go and pkg/project/run.go). This does the same, so that the very sources
// run, and can make one change in them on the way.
import { readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import { platform, root } from "./platform.ts";
import type { SynthesisOptions } from "./synthesize.ts";

export interface ProgramOptions {
  /** The entry's text; it stands in the root. */
  text: string;
  /** Values for names of SST's, as JSON. */
  define?: Record<string, unknown>;
  /** In front of everything. */
  banner?: string;
  /** Gives it `aws`, `sst` and the dollar names. */
  globals?: boolean;
  mutant?: SynthesisOptions["mutant"];
}

const require = [
  `import { createRequire as topLevelCreateRequire } from "node:module";`,
  `const require = topLevelCreateRequire(import.meta.url);`,
].join("\n");

/** Bundles the program and runs it; what it exports. */
export async function loadProgram(options: ProgramOptions): Promise<Record<string, unknown>> {
  // Beside the platform's packages, where its externals are found.
  const outfile = join(platform, `program.${process.pid}.${++programs}.mjs`);
  const define = Object.entries(options.define ?? {});
  await build({
    stdin: { contents: options.text, resolveDir: root, sourcefile: "program.ts", loader: "ts" },
    banner: { js: `${require}\n${options.banner ?? ""}` },
    bundle: true,
    format: "esm",
    platform: "node",
    mainFields: ["module", "main"],
    outfile,
    nodePaths: [join(platform, "node_modules")],
    external: ["@pulumi/*", "@aws-sdk/*", "undici", "archiver", "glob", "esbuild", "vite"],
    define: Object.fromEntries(define.map(([name, value]) => [name, JSON.stringify(value)])),
    inject: options.globals ? [join(platform, "src/shim/run.js")] : [],
    plugins: [prepareSources(options)],
    logLevel: "silent",
  });
  try {
    // `as`: a module's exports, whatever they are.
    return (await import(pathToFileURL(outfile).href)) as Record<string, unknown>;
  } finally {
    rmSync(outfile, { force: true });
  }
}

let programs = 0;

function prepareSources({ globals, mutant }: ProgramOptions): Plugin {
  const given = [
    `import * as aws from "@pulumi/aws";`,
    `import * as sst from ${JSON.stringify(join(platform, "src/components"))};`,
  ].join(" ");
  return {
    name: "prepare-sources",
    setup({ onLoad }) {
      onLoad({ filter: /\.[jt]s$/ }, ({ path }) => {
        const file = relative(root, path);
        if (!/^(stacks\/|sst\.config\.ts$)/.test(file)) return null;
        const text = readFileSync(path, "utf8");
        const changed = mutant?.in === file ? change(text, mutant) : text;
        return { contents: `${globals ? given : ""}\n${changed}`, loader: "ts" };
      });
    },
  };
}

function change(text: string, { in: file, find, replace }: NonNullable<ProgramOptions["mutant"]>) {
  const times = text.split(find).length - 1;
  if (times === 1) return text.replace(find, () => replace);
  throw new Error(`the text ${JSON.stringify(find)} stands ${times} times in ${file}, not once`);
}
