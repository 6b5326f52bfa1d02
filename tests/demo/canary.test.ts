// Why: what a whole run of real processes writes, to its streams and into its folder, holds no secret but in the files
// that are meant for one (invariant I20).
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { killPrograms, newHome, runProgram } from "./run-program.ts";

afterEach(killPrograms);

/** Files that hold a secret each, readable by their owner alone. */
const meant = /^(github-token|webhook-secret|data-key|control-plane-.*\.yaml|kubeconfig-.*\.yaml)$/;

function modeOf(path: string): number {
  return statSync(path).mode;
}

it("the demo's output and state file hold no secret", { timeout: 120_000 }, async () => {
  const home = newHome();
  const args = ["demo", "--jobs", "2", "--scale-sets", "1", "--clusters", "1", "--json"];
  const { code, out, err } = await runProgram("runlet", args, { home, limitMs: 100_000 });
  expect([code, err]).toEqual([0, expect.any(String)]);
  expect(JSON.parse(out.trim().split("\n").at(-1) ?? "")).toMatchObject({
    jobs: { completed: 2, lost: 0 },
  });

  const folder = join(home, "demo");
  const files = readdirSync(folder, { withFileTypes: true }).filter((one) => one.isFile());
  const read = (name: string) => readFileSync(join(folder, name));
  const secretFiles = files.filter(({ name }) => meant.test(name));
  const secrets = [
    read("github-token").toString().trim(),
    read("webhook-secret").toString().trim(),
    /token: "?([^\s"]+)/.exec(read("control-plane-east.yaml").toString())?.[1] ?? "",
    read("data-key").toString("base64"),
    read("data-key").toString().trim(),
  ];
  expect(secrets.every((secret) => secret.length > 15)).toBe(true);
  const rest = files.filter(({ name }) => !meant.test(name));
  expect(rest.map(({ name }) => name)).toContain("state.sqlite");
  const places: [string, string][] = [
    ["stdout", out],
    ["stderr", err],
    ...rest.map(({ name }): [string, string] => [name, read(name).toString("latin1")]),
  ];
  for (const [place, text] of places) {
    for (const secret of secrets) expect([place, text.includes(secret)]).toEqual([place, false]);
    // JWTs of the service (admin, queue), JIT configs, tokens of GitHub: by their shape.
    const shapes = /eyJ[\w-]{10,}\.[\w-]+\.|eyJ[A-Za-z0-9+/]{60,}|gh[ps]_[A-Za-z0-9]{16,}/.exec(
      text,
    );
    expect([place, shapes?.[0].slice(0, 12)]).toEqual([place, undefined]);
  }
  const open = secretFiles.filter(({ name }) => (modeOf(join(folder, name)) & 0o077) !== 0);
  expect(open.map(({ name }) => name)).toEqual([]);
});
