// Why: on a socket a caller can vanish, and the process itself is a program with flags and exit
// codes.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { createSystemClock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import { createSeededRandom } from "@runlet/runtime/random";
import { expect, test } from "vitest";
import type { SimulatorEvent } from "./events.ts";
import { flagNames } from "./flags.ts";
import { help } from "./control-help.ts";
import { listen } from "./listen.ts";
import { bareCaller, entriesOf, readSession } from "./protocol-fixture.ts";
import { createActionsServiceSimulator } from "./simulator.ts";

const program = fileURLToPath(new URL("serve.ts", import.meta.url));
const overSocket: Fetch = (url, init) => fetch(url, init as RequestInit);

function start(args: string[]) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (data: Buffer) => (out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (err += data.toString()));
  const exit = once(child, "exit").then(([code]: unknown[]) => ({ code, out, err }));
  return { child, exit, ready: once(child.stdout, "data").then(() => out) };
}

test("the process says once that it is ready, serves, and ends with 0 on SIGTERM with polls open", async () => {
  const { child, ready, exit } = start([
    "--port",
    "0",
    "--pat",
    "T",
    "--hold-ms",
    "60000",
    "--json",
  ]);
  const line = JSON.parse(await ready) as { ready: boolean; url: string; token: string };
  expect(line).toMatchObject({ ready: true, token: "T" });
  const call = bareCaller(overSocket);
  expect(await (await fetch(line.url)).text()).toContain("--help");
  const { admin, set } = await connect(call, line.url, "T");
  const body = `{"ownerName":"host-1"}`;
  const session = readSession(await call("POST", `${set}/sessions`, { token: admin, body }));
  const held = call("GET", session.url, { token: session.token }).catch(() => "broken");
  await call("POST", `${line.url}/_control/jobs`, { body: `{"scaleSet":"elsewhere","owner":"a"}` });
  child.kill("SIGTERM");
  const { code, out, err } = await exit;
  expect([code, out.trim().split("\n").length, err]).toEqual([0, 1, ""]);
  expect(await held).toBe("broken");
});

test("a bad flag is one clear line and exit 2, a port in use one line and exit 1", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const address = taken.address();
  const port = address !== null && typeof address === "object" ? String(address.port) : "";
  const cases: [string[], number, string][] = [
    [["--prot", "1"], 2, "Unknown option '--prot'"],
    [["--port", "70000"], 2, "--port 70000: give a whole number from 0 to 65535"],
    [["--mode", "both"], 2, "--mode both: give one of acquire, auto-assign"],
    [["--webhook-url", "http://127.0.0.1:1"], 2, "--webhook-url and --webhook-secret go together"],
    [["--port", port], 1, `port ${port} is in use`],
  ];
  for (const [args, code, message] of cases) {
    const ended = await start(args).exit;
    expect([ended.code, ended.out]).toEqual([code, ""]);
    expect(ended.err.trim().split("\n")).toHaveLength(1);
    expect(ended.err).toContain(message);
  }
  taken.close();
});

test("the help names every flag", () => {
  for (const flag of flagNames) expect(help).toContain(`--${flag} `);
});

test("a caller that disconnects ends its poll: it delivers nothing and loses nothing", async () => {
  const { call, admin, set, control, waitFor, close } = await openServer();
  const body = `{"ownerName":"host-1"}`;
  const session = readSession(await call("POST", `${set}/sessions`, { token: admin, body }));
  const abort = new AbortController();
  const poll = { token: session.token, signal: abort.signal };
  const held = call("GET", session.url, poll).catch(() => "aborted");
  await waitFor("poll-opened");
  abort.abort();
  expect(await held).toBe("aborted");
  expect(await waitFor("poll-closed")).toMatchObject({ outcome: "aborted" });
  control.queueJobs({ scaleSet: "my-set" });
  const message = await call("GET", session.url, { token: session.token });
  expect(entriesOf(message)).toEqual(["JobAvailable:5101"]);
  await close();
});

test("a dropped connection is broken on the wire, before or after the deed", async () => {
  const { call, admin, set, control, close } = await openServer();
  for (const drop of ["before", "after"] as const) {
    control.addFault({ route: "createSession", drop });
    const body = `{"ownerName":"${drop}"}`;
    await expect(call("POST", `${set}/sessions`, { token: admin, body })).rejects.toThrow();
  }
  expect(control.sessions().map((session) => session.ownerName)).toEqual(["after"]);
  await close();
});

/** The server in this process, on a socket. */
async function openServer() {
  const clock = createSystemClock();
  const options = { mode: "acquire", pat: "T", knobs: { holdMs: 10_000 } } as const;
  const simulator = createActionsServiceSimulator(
    { clock, random: createSeededRandom(3) },
    options,
  );
  const server = await listen(simulator.app, 0);
  const call = bareCaller(overSocket);
  const events: SimulatorEvent[] = [];
  simulator.listen((event) => events.push(event));
  const waitFor = async (kind: string) => {
    const known = events.find((event) => event.kind === kind);
    if (known) return known;
    return new Promise<SimulatorEvent>((resolve) => {
      const end = simulator.listen((event) => {
        if (event.kind !== kind) return;
        end();
        resolve(event);
      });
    });
  };
  const close = () => {
    simulator.stop();
    return server.close();
  };
  return {
    ...(await connect(call, server.url, "T")),
    call,
    control: simulator.control,
    waitFor,
    close,
  };
}

async function connect(call: ReturnType<typeof bareCaller>, url: string, pat: string) {
  const path = `${url}/api/v3/orgs/my-org/actions/runners/registration-token`;
  const registration = await call("POST", path, { token: pat });
  const connection = await call("POST", `${url}/api/v3/actions/runner-registration`, {
    scheme: "RemoteAuth",
    token: String(registration.json["token"]),
    body: JSON.stringify({ url: `${url}/my-org`, runner_event: "register" }),
  });
  const admin = String(connection.json["token"]);
  const sets = `${String(connection.json["url"])}_apis/runtime/runnerscalesets`;
  await call("POST", sets, { token: admin, body: `{"name":"my-set"}` });
  return { admin, set: `${sets}/1` };
}
