// Why: the tests look at what sst.config.ts would have AWS make. Its program runs in a process of its own, since a mistake
// in it surfaces as a rejection that nobody handles, and since Pulumi keeps one deployment a process.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { StageOptions } from "./stage-options.ts";
import type { Deployment } from "./deployment.ts";

export interface SynthesisOptions {
  stage: string;
  /** In place of what stacks/settings.ts says of that stage. */
  settings?: StageOptions;
  /** A mistake to be made: in a file of stacks/ this text, which stands there once, is another. */
  mutant?: { in: string; find: string; replace: string };
}

/** What the child sends. */
export type Answer = { deployment: Deployment } | { failed: string };

const program = fileURLToPath(new URL("synthesize-child.ts", import.meta.url));
const limitMs = 60_000;

/** What `sst deploy --stage …` would register, without an account. Throws with the words of its first failure. */
export function synthesize(options: SynthesisOptions): Promise<Deployment> {
  const child = fork(program, [JSON.stringify(options)], {
    execPath: process.execPath,
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let said = "";
  const hear = (chunk: Buffer) => (said = (said + String(chunk)).slice(-4_000));
  child.stdout?.on("data", hear);
  child.stderr?.on("data", hear);
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
  return new Promise((resolve, reject) => {
    let answer: Answer | undefined;
    child.on("message", (message) => {
      // `as`: the child is ours (synthesize-child.ts).
      answer = message as Answer;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (answer && "deployment" in answer) resolve(answer.deployment);
      else reject(new Error(answer?.failed ?? `it ended with ${code ?? signal}: ${said}`));
    });
  });
}
