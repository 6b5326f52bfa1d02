// Why: what a runner needs to become the registered one, in the runner's own format: base64 of a
// JSON object whose values are base64 of the three files .runner, .credentials and
// .credentials_rsaparams (actions/runner, "--jitconfig"). The key here is random bytes, which only
// the simulator's own runner routes accept.
import type { Random } from "@runlet/runtime/random";
import { asFields } from "./json.ts";

/** What a simulated runner reads from its JIT config. */
export interface RunnerIdentity {
  runnerId: number;
  runnerName: string;
  /** The address under which the runner's routes are. */
  serverUrl: string;
  workFolder: string;
  /** Client id and key: good for one connect. */
  credential: string;
}

export function encodeJitConfig(
  random: Random,
  runner: Omit<RunnerIdentity, "credential"> & { gitHubUrl: string },
): { encoded: string; credential: string } {
  const clientId = random.uuid();
  const bytes = (count: number) => Buffer.from(random.bytes(count)).toString("base64");
  const key = bytes(256);
  const files = {
    ".runner": {
      AgentId: String(runner.runnerId),
      AgentName: runner.runnerName,
      DisableUpdate: "True",
      Ephemeral: "True",
      PoolId: "1",
      PoolName: "Default",
      ServerUrl: runner.serverUrl,
      GitHubUrl: runner.gitHubUrl,
      WorkFolder: runner.workFolder === "" ? "_work" : runner.workFolder,
    },
    ".credentials": {
      Scheme: "OAuth",
      Data: { ClientId: clientId, AuthorizationUrl: `${runner.serverUrl}/connect` },
    },
    ".credentials_rsaparams": {
      d: key,
      dp: bytes(128),
      dq: bytes(128),
      exponent: "AQAB",
      inverseQ: bytes(128),
      modulus: bytes(256),
      p: bytes(128),
      q: bytes(128),
    },
  };
  const parts = Object.entries(files).map(([name, file]) => [name, base64(JSON.stringify(file))]);
  return {
    encoded: base64(JSON.stringify(Object.fromEntries(parts))),
    credential: `${clientId}.${key}`,
  };
}

/** Reads a JIT config; throws if a part is missing. */
export function decodeJitConfig(encoded: string): RunnerIdentity {
  const parts = asFields(JSON.parse(text(encoded)));
  const file = (name: string) => asFields(JSON.parse(text(parts[name])));
  const runner = file(".runner");
  const field = (fields: Record<string, unknown>, name: string) => {
    const value = fields[name];
    if (typeof value !== "string") throw new TypeError(`the JIT config has no ${name}`);
    return value;
  };
  const clientId = field(asFields(file(".credentials")["Data"]), "ClientId");
  return {
    runnerId: Number(field(runner, "AgentId")),
    runnerName: field(runner, "AgentName"),
    serverUrl: field(runner, "ServerUrl"),
    workFolder: field(runner, "WorkFolder"),
    credential: `${clientId}.${field(file(".credentials_rsaparams"), "d")}`,
  };
}

function base64(value: string): string {
  return Buffer.from(value).toString("base64");
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("the JIT config is not whole");
  return Buffer.from(value, "base64").toString("utf8");
}
