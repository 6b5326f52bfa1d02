// Why: runs sst.config.ts as SST's command does, on SST's own components, with mocks in place of Pulumi's engine; sends what
// was registered to its parent (synthesize.ts). The first failure ends it, as it would end a deployment.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Deployment } from "./deployment.ts";
import { loadProgram } from "./load-program.ts";
import { platform, root } from "./platform.ts";
import { createRecorder } from "./record-resources.ts";
import { startSstServer } from "./sst-server.ts";
import type { Answer, SynthesisOptions } from "./synthesize.ts";

const config = JSON.stringify(join(root, "sst.config.ts"));
const run = JSON.stringify(join(platform, "src/auto/run.ts"));
const settings = JSON.stringify(join(root, "stacks/settings.ts"));

/** app() of sst.config.ts, as SST's command asks it first. */
async function readApp({ stage, mutant }: SynthesisOptions): Promise<Record<string, unknown>> {
  const { app } = await loadProgram({
    text: `import config from ${config}; export const app = config.app({ stage: ${JSON.stringify(stage)} });`,
    banner: "const $config = (config) => config;",
    ...(mutant && { mutant }),
  });
  // `as`: held to SST's type by tsc -p stacks.
  return { ...(app as Record<string, unknown>), stage };
}

async function synthesize(options: SynthesisOptions, work: string): Promise<Deployment> {
  const { stage, mutant } = options;
  const app = await readApp(options);
  const server = await startSstServer(work);
  process.env["SST_SERVER"] = server.url;
  const recorder = await createRecorder(String(app["name"]), stage);
  const paths = { home: work, root, work, platform };
  const given =
    options.settings && `stages[${JSON.stringify(stage)}] = ${JSON.stringify(options.settings)};`;
  const { main } = await loadProgram({
    text: `
      import { run } from ${run};
      import { stages } from ${settings};
      import config from ${config};
      ${given ?? "void stages;"}
      export const main = () => run(config.run);`,
    globals: true,
    define: {
      $app: app,
      $dev: false,
      $cli: { command: "deploy", dev: false, paths, state: { version: {} } },
    },
    ...(mutant && { mutant }),
  });
  // `as`: exported by the text above.
  const outputs = await recorder.run(main as () => Promise<unknown>);
  server.close();
  return { stage, app, resources: recorder.resources, outputs };
}

const work = mkdtempSync(join(tmpdir(), "runlet-stack-"));

function end(answer: Answer): void {
  rmSync(work, { recursive: true, force: true });
  process.send?.(answer, () => process.exit(0));
}

const fail = (error: unknown) =>
  end({ failed: error instanceof Error ? error.message : String(error) });
process.on("unhandledRejection", fail);
process.on("uncaughtException", fail);
// `as`: the parent is ours.
end({ deployment: await synthesize(JSON.parse(process.argv[2] ?? "") as SynthesisOptions, work) });
