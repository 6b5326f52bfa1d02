// Why: whoever mistypes gets one clear line and an exit code (2 for usage, 1 otherwise), and nothing has been begun.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { claimFolder } from "@runlet/runlet/local/claim-folder";
import { afterEach, describe, expect, it } from "vitest";
import {
  eachOf,
  killPrograms,
  newHome,
  runProgram,
  takePort,
  type Ended,
  type ProgramName,
} from "./run-program.ts";

afterEach(killPrograms);

const secret = "ghp_canary0000000000000000000000000000000";

/** One line on standard error, which names what is wrong; no stack, no secret, no class name. */
function expectOneLine({ code, out, err }: Ended, expected: { code: number; says: string }) {
  expect({ code, out, err }).toEqual({ code: expected.code, out: "", err: expect.any(String) });
  expect(err.trimEnd().split("\n")).toHaveLength(1);
  expect(err).toContain(expected.says);
  expect(err).not.toMatch(/^\s+at |Error: |node:internal/m);
  expect(err).not.toContain("canary");
}

describe("a mistake in the call", () => {
  const calls: [ProgramName, string, string][] = [
    ["runlet", "bogus", "there is no command bogus"],
    ["runlet", "demo --bogus", "--bogus"],
    ["runlet", "demo --jobs 0", "from 1 to 1000"],
    ["runlet", "demo --jobs 1e3", "from 1 to 1000"],
    ["runlet", "demo --jobs -5", "--jobs"],
    ["runlet", "demo --clusters 0", "from 1 to 8"],
    ["runlet", "demo --mode both", "acquire, auto-assign"],
    ["runlet", "demo queue", "--scale-set is missing"],
    ["runlet", "start --jobs 3", "--jobs"],
    ["runlet", "start --port 70000", "from 0 to 65535"],
    ["runlet", "local", "missing: --kubeconfig"],
    ["runlet", "local --kubeconfig /nowhere/k.yaml --github x=y", "there is no such file"],
    ["kube", "--port x --kubeconfig f", "--port x: give a whole number"],
    ["service", "--nope", "--nope"],
    ["reconciler", "--probe-port -1", "--probe-port -1: give a whole number"],
    ["seeds", "abc", "give a whole number"],
    ["seeds", "1 2", "one number is enough"],
    ["mutants", "nonsense", "there is no mutant nonsense"],
  ];

  it("is one line that names it, and exit code 2", { timeout: 120_000 }, async () => {
    await eachOf(calls, async ([name, args, says]) => {
      const ended = await runProgram(name, args.split(" ").filter(Boolean));
      expectOneLine(ended, { code: 2, says });
    });
  });
});

describe("runlet local with a wrong file", () => {
  function files() {
    const home = newHome();
    const write = (name: string, text: string) => {
      const path = join(home, name);
      writeFileSync(path, text);
      return path;
    };
    const token = write("token", secret);
    const kubeconfig = write("east.yaml", kubeconfigOf("token-canary"));
    return { home, write, token, kubeconfig };
  }

  it("says which one, and writes nothing", { timeout: 60_000 }, async () => {
    const { home, write, token, kubeconfig } = files();
    const good = ["--kubeconfig", kubeconfig, "--github"];
    const jsonWithoutKey = write("app.json", `{"github_app_id":"1","x":"${secret}"}`);
    const calls: [string[], number, string][] = [
      [[...good, `https://github.com/acme/a/b/c=${token}`], 2, "4 path segments"],
      [[...good, `htp://github.com/acme=${token}`], 2, "neither https nor http"],
      [[...good, `https://github.com=${token}`], 2, "config URL"],
      [[...good, `https://github.com/acme=${jsonWithoutKey}`], 2, "github_app_"],
      [[...good, "https://github.com/acme"], 2, "SCOPE_URL=FILE"],
      [["--kubeconfig", token, "--github", `https://github.com/acme=${token}`], 2, "--kubeconfig"],
      [
        [...good, `https://github.com/acme=${token}`, "--context", "east=zz"],
        2,
        `--kubeconfig east=${kubeconfig} --context east=zz: there is no context zz; there are c`,
      ],
    ];
    await eachOf(calls, async ([args, code, says]) => {
      expectOneLine(await runProgram("runlet", ["local", ...args], { home }), { code, says });
    });
    expect(existsSync(join(home, "local"))).toBe(false);
  });

  it("leaves a state file that it cannot use as it is", { timeout: 60_000 }, async () => {
    const { home, write, token, kubeconfig } = files();
    const given = ["--kubeconfig", kubeconfig, "--github", `https://github.com/acme=${token}`];
    const args = (state: string) => ["local", ...given, "--state", state];
    const newer = join(home, "newer.sqlite");
    makeDatabase(newer, "PRAGMA application_id = 0x52554e4c; PRAGMA user_version = 99");
    const foreign = join(home, "foreign.sqlite");
    makeDatabase(foreign, "CREATE TABLE theirs (x)");
    const noise = write("noise.sqlite", "this is no database. ".repeat(400));
    const torn = join(home, "torn.sqlite");
    makeDatabase(torn, "PRAGMA application_id = 0x52554e4c; CREATE TABLE rows (key TEXT)");
    writeFileSync(torn, readFileSync(torn).fill(0xee, 100, 4_000));
    const cases: [string, string][] = [
      [newer, "written by a newer Runlet"],
      [foreign, "belongs to another program"],
      [noise, "is not an SQLite file"],
      [torn, "is corrupt"],
    ];
    for (const [state, says] of cases) {
      const before = readFileSync(state);
      const ended = await runProgram("runlet", args(state), { home });
      expectOneLine(ended, { code: 1, says });
      expect(ended.err).toContain(state);
      expect(readFileSync(state).equals(before)).toBe(true);
    }
  });
});

function makeDatabase(path: string, sql: string) {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

function kubeconfigOf(token: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "east", cluster: { server: "https://127.0.0.1:1" } }],
    users: [{ name: "u", user: { token } }],
    contexts: [{ name: "c", context: { cluster: "east", user: "u" } }],
    "current-context": "c",
  });
}

describe("a port in use", () => {
  it("is one line and exit code 1, before anything is touched", { timeout: 60_000 }, async () => {
    const { port, free } = await takePort();
    const home = newHome();
    const says = (flag: string) => `${flag}port ${port} is in use`;
    const kubeconfig = join(home, "east.yaml");
    writeFileSync(kubeconfig, kubeconfigOf("token-canary"));
    const token = join(home, "token");
    writeFileSync(token, secret);
    const local = [
      "local",
      "--kubeconfig",
      kubeconfig,
      "--github",
      `https://github.com/acme=${token}`,
    ];
    const calls: [ProgramName, string[], string][] = [
      ["runlet", ["start", "--port", `${port}`], "--port: "],
      ["runlet", ["start", "--webhook-port", `${port}`], "--webhook-port: "],
      ["runlet", [...local, "--webhook-port", `${port}`], "--webhook-port: "],
      ["service", ["--port", `${port}`], ""],
      ["kube", ["--port", `${port}`, "--kubeconfig", join(home, "written.yaml")], ""],
    ];
    await eachOf(calls, async ([name, args, flag]) => {
      expectOneLine(await runProgram(name, args, { home }), { code: 1, says: says(flag) });
    });
    free();
    for (const name of ["start", "local", "written.yaml", "world.json"]) {
      expect([name, existsSync(join(home, name))]).toEqual([name, false]);
    }
  });
});

describe("a folder in use", () => {
  it("keeps a second world out", { timeout: 60_000 }, async () => {
    const home = newHome();
    const claimed = join(home, "demo");
    const release = claimFolder(claimed);
    writeFileSync(join(claimed, "state.sqlite"), "theirs");
    const ended = await runProgram("runlet", ["demo", "--jobs", "1"], { home });
    expectOneLine(ended, { code: 1, says: `process ${process.pid} runs in ${claimed} already` });
    expect(readFileSync(join(claimed, "state.sqlite"), "utf8")).toBe("theirs");
    release();
  });

  it("is not there for demo queue when nothing runs", { timeout: 60_000 }, async () => {
    const ended = await runProgram("runlet", ["demo", "queue", "--scale-set", "linux"]);
    expectOneLine(ended, { code: 1, says: "start one with npm start" });
  });
});
