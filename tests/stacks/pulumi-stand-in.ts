// Why: stands where SST's command looks for Pulumi, which is no npm package. It runs the program that the command has bundled,
// under mocks, and writes down what was registered; bundles of functions are made by the command itself.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { createRecorder } from "./record-resources.ts";
import { answerBootstrap } from "./sst-server.ts";

const need = (name: string) => {
  const value = process.env[name];
  if (value) return value;
  throw new Error(`${name} is not set`);
};

/** SST's command reads the stack's file after it was made. */
function initStack(path: string): void {
  const [, project = "", stack = ""] = path.split("/");
  const home = need("PULUMI_BACKEND_URL").replace("file://", "");
  const folder = join(home, ".pulumi/stacks", project);
  mkdirSync(folder, { recursive: true });
  const latest = {
    manifest: { time: "2026-01-01T00:00:00Z", magic: "", version: "" },
    resources: [],
  };
  const text = JSON.stringify({ version: 3, checkpoint: { stack: path, latest } });
  writeFileSync(join(folder, `${stack}.json`), text);
}

/** The program's file, as Pulumi.yaml above the working folder has it. */
function findProgram(folder = process.cwd()): string {
  try {
    const text = readFileSync(join(folder, "Pulumi.yaml"), "utf8");
    return /^main: (.*)$/m.exec(text)?.[1]?.trim() ?? "";
  } catch {
    if (folder === dirname(folder)) throw new Error("there is no Pulumi.yaml");
    return findProgram(dirname(folder));
  }
}

/** SST's command answers all but where its buckets are, for which it would ask more of AWS. */
async function startProxy(real: string): Promise<string> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      // `as`: SST's own client.
      const { method } = JSON.parse(body) as { method: string };
      const answer =
        method === "Provider.Aws.Bootstrap"
          ? Promise.resolve(JSON.stringify({ result: answerBootstrap(), error: null }))
          : fetch(`${real}/rpc`, { method: "POST", body }).then((answered) => answered.text());
      answer.then(
        (text) => response.end(text),
        (error: unknown) => response.end(JSON.stringify({ result: null, error: String(error) })),
      );
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  // `as`: a TCP server's address.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function deploy(stackPath: string): Promise<void> {
  const [, app = "", stage = ""] = stackPath.split("/");
  process.env["SST_SERVER"] = await startProxy(need("SST_SERVER"));
  const recorder = await createRecorder(app, stage);
  const program = pathToFileURL(findProgram()).href;
  const outputs = await recorder.run(async () => {
    // `as`: SST's bundle has the outputs as its default export.
    return ((await import(program)) as { default: unknown }).default;
  });
  const deployment = { stage, app: {}, resources: recorder.resources, outputs };
  writeFileSync(need("RUNLET_RECORD"), JSON.stringify({ deployment }));
}

const [command, ...args] = process.argv.slice(2);
process.on("unhandledRejection", (error) => {
  const failed = error instanceof Error ? error.message : String(error);
  writeFileSync(need("RUNLET_RECORD"), JSON.stringify({ failed }));
  process.exit(1);
});
if (command === "version") process.stdout.write("v3.215.0\n");
if (command === "stack" && args[0] === "init") initStack(args[1] ?? "");
if (command === "up") await deploy(args[args.indexOf("--stack") + 1] ?? "");
process.exit(0);
