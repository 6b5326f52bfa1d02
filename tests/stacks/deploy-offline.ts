// Why: the rest of this folder runs sst.config.ts in the way of SST's command, and the bundles that are tested are made in its
// way, too. This lets the real command do both, up to where Pulumi would call AWS, to compare.
import { spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startAwsOfSst } from "./aws-of-sst.ts";
import type { Deployment } from "./deployment.ts";
import { platform, root } from "./platform.ts";
import type { Answer } from "./synthesize.ts";

export interface OfflineDeploy {
  deployment: Deployment;
  /** The bundle that SST has made of a function. */
  bundleOf(component: string): Buffer;
}

const limitMs = 120_000;

/** `sst deploy --stage …` in a copy of the project below `folder`. Throws with its words when it fails. */
export async function deployOffline(stage: string, folder: string): Promise<OfflineDeploy> {
  const project = join(folder, "project");
  const record = join(folder, "record.json");
  prepareProject(project);
  preparePulumi(join(folder, "config"));
  const aws = await startAwsOfSst();
  try {
    const said = await runSst(project, ["deploy", "--stage", stage], {
      XDG_CONFIG_HOME: join(folder, "config"),
      AWS_ENDPOINT_URL: aws.url,
      AWS_REGION: "eu-central-1",
      AWS_ACCESS_KEY_ID: "nobody",
      AWS_SECRET_ACCESS_KEY: "nothing",
      RUNLET_RECORD: record,
    });
    if (!existsSync(record)) throw new Error(`sst deploy has not come to Pulumi:\n${said}`);
    // `as`: written by pulumi-stand-in.ts.
    const answer = JSON.parse(readFileSync(record, "utf8")) as Answer;
    if ("failed" in answer) throw new Error(answer.failed);
    const artifacts = join(project, ".sst/artifacts");
    return {
      deployment: answer.deployment,
      bundleOf: (component) => readFileSync(join(artifacts, `${component}-src/bundle.mjs`)),
    };
  } finally {
    aws.close();
  }
}

/** The sources as links, and a platform of its own: what lies below .sst is SST's to write. */
function prepareProject(project: string): void {
  mkdirSync(join(project, ".sst"), { recursive: true });
  for (const name of ["functions", "node_modules", "package.json", "packages", "stacks"]) {
    symlinkSync(join(root, name), join(project, name));
  }
  for (const name of ["sst.config.ts", ".sst/provider-lock.json"]) {
    cpSync(join(root, name), join(project, name));
  }
  const packages = join(platform, "node_modules");
  cpSync(platform, join(project, ".sst/platform"), {
    recursive: true,
    filter: (path) => !path.startsWith(packages),
  });
  symlinkSync(packages, join(project, ".sst/platform/node_modules"));
}

function preparePulumi(config: string): void {
  const program = fileURLToPath(new URL("pulumi-stand-in.ts", import.meta.url));
  const folder = join(config, "sst/bin");
  mkdirSync(folder, { recursive: true });
  const flag = "--disable-warning=ExperimentalWarning";
  const script = `#!/bin/sh\nexec "${process.execPath}" ${flag} "${program}" "$@"\n`;
  writeFileSync(join(folder, "pulumi"), script);
  chmodSync(join(folder, "pulumi"), 0o755);
}

/** What it said. Its end means nothing: it misses Pulumi's log of events and says "Interrupted". */
function runSst(cwd: string, args: string[], env: Record<string, string>): Promise<string> {
  const child = spawn(join(root, "node_modules/.bin/sst"), args, {
    cwd,
    env: { ...process.env, SST_NO_BUN: "1", SST_TELEMETRY_DISABLED: "1", CI: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const hear = (chunk: Buffer) => (said = (said + String(chunk)).slice(-8_000));
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => {
      clearTimeout(timer);
      resolve(said);
    });
  });
}
