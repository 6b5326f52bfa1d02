// Why: `npm start` is the world that people look at with kubectl and queue jobs in; what its ready line says must work,
// and what it started must end with it.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { claimFolder } from "@runlet/runlet/local/claim-folder";
import { parseStrictKubeconfig } from "@runlet/kubernetes/strict-kubeconfig";
import { afterEach, expect, it } from "vitest";
import { follow, killPrograms, newHome, root, runProgram } from "./run-program.ts";

afterEach(killPrograms);

interface Ready {
  ready: boolean;
  service: string;
  token: string;
  webhook: string;
  clusters: { name: string; kubeconfig: string }[];
}

/** As package.json has it, without npm between: `npm start -- ARGS`. */
function npmStart(home: string, args: string[]) {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: { start: string };
  }; // npm has read it before
  const [node, ...rest] = scripts.start.split(" ");
  expect(node).toBe("node");
  const child = spawn(process.execPath, [...rest, ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, RUNLET_HOME: home },
  });
  return follow(child, 100_000);
}

/** A bare GET over TLS with what the kubeconfig holds. */
async function get(kubeconfig: string, path: string): Promise<{ status: number; body: string }> {
  const { server, caPem, credential } = parseStrictKubeconfig(readFileSync(kubeconfig, "utf8"));
  const token = credential.kind === "token" ? credential.token : "";
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    request(`${server}${path}`, { ca: caPem, headers }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (text: string) => (body += text));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
    })
      .once("error", reject)
      .end();
  });
}

/** Asks every 100 ms; bounded by the test's own limit. */
async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((next) => setTimeout(next, 100));
}

/** Processes whose environment names this home: whatever the world has started. */
function processesOf(home: string): Promise<string> {
  return new Promise((resolve) => {
    const ps = spawn("ps", ["axeww", "-o", "pid,args"], { stdio: ["ignore", "pipe", "ignore"] });
    let out = "";
    ps.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    ps.once("close", () => {
      resolve(
        out
          .split("\n")
          .filter((line) => line.includes(home))
          .join("\n"),
      );
    });
  });
}

it(
  "npm start tells where everything is, runs queued jobs, and ends with all it started",
  { timeout: 120_000 },
  async () => {
    const home = newHome();
    const world = npmStart(home, ["--scale-sets", "1", "--clusters", "1", "--json"]);
    const ready = JSON.parse(await world.line((line) => line.startsWith("{"))) as Ready;
    expect(ready).toMatchObject({
      ready: true,
      token: expect.stringMatching(/^ghp_/),
      webhook: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/webhook$/),
      clusters: [{ name: "east", kubeconfig: join(home, "kubeconfig-east.yaml") }],
    });
    const api = "/apis/actions.github.com/v1alpha1";
    const east = (path: string) => get(join(home, "kubeconfig-east.yaml"), `${api}/${path}`);
    expect(await east("autoscalingrunnersets")).toMatchObject({
      status: 200,
      body: expect.stringContaining('"linux"'),
    });
    expect((await fetch(ready.webhook.replace("/webhook", "/healthz"))).status).toBe(200);
    expect(await processesOf(home)).toContain("webhook");

    const control = `${new URL(ready.service).origin}/_control/ledger`;
    const counts = async () =>
      ((await (await fetch(control)).json()) as { counts: Record<string, number> }).counts;
    const order = ["demo", "queue", "--scale-set", "linux", "--jobs", "2", "--duration-ms", "100"];
    // The service knows the scale set once the reconciler has made it there.
    await until(async () => (await east("ephemeralrunnersets")).body.includes('"linux'));
    expect(await runProgram("npx", order, { home })).toEqual({
      code: 0,
      out: "2 queued for linux\n",
      err: "",
    });
    await until(async () => (await counts())["completed"] === 2);
    const unknown = await runProgram("npx", ["demo", "queue", "--scale-set", "nobody"], { home });
    expect([unknown.code, unknown.out]).toEqual([1, ""]);

    world.child.kill("SIGTERM");
    const { code, err } = await world.ended;
    expect([code, err]).toEqual([0, ""]);
    expect(await processesOf(home)).toBe("");
    expect(existsSync(join(home, "world.json"))).toBe(false);
    expect(existsSync(join(home, "start", "pid"))).toBe(false);
  },
);

it(
  "npm start that is killed with SIGKILL takes its pollers along within 2 s, and its folder is free",
  { timeout: 120_000 },
  async () => {
    const home = newHome();
    const world = npmStart(home, ["--scale-sets", "1", "--clusters", "1", "--json"]);
    await world.line((line) => line.startsWith("{"));
    await until(async () => (await processesOf(home)).includes("/poller.ts#handler"));
    const struckAt = performance.now();
    process.kill(Number(readFileSync(join(home, "start", "pid"), "utf8")), "SIGKILL");
    await until(async () => (await processesOf(home)) === "");
    expect(performance.now() - struckAt).toBeLessThan(2_000);
    expect((await world.ended).code).toBe(137);
    // What it has left is neither taken for what runs nor said to be served in a moment.
    const status = (...flags: string[]) => runProgram("npx", ["status", ...flags], { home });
    expect(await status()).toEqual({
      code: 2,
      out: "",
      err: expect.stringContaining("npm start begins a new world"),
    });
    const left = await status("--state", join(home, "start", "state.sqlite"));
    expect([left.code, left.err]).toEqual([0, ""]);
    expect(left.out).toMatch(/linux +unserved .*nothing runs here: .* npm start begins a new one/);
    expect(left.out).not.toContain("within a minute");
    const queued = await runProgram("npx", ["demo", "queue", "--scale-set", "linux"], { home });
    expect([queued.code, queued.err]).toEqual([1, expect.stringContaining("npm start begins one")]);
    claimFolder(join(home, "start"))();
  },
);
