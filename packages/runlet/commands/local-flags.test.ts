import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readLocalFlags } from "./local-flags.ts";

const folder = mkdtempSync(join(tmpdir(), "runlet-flags-"));
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const token = file("token", "ghp_canary00000000000000000000000000\n");
const empty = file("empty", "\n");
const east = file("east.yaml", "{}");
const west = file("west.yaml", "{}");
const odd = file("my clusters.yaml", "{}");
const keyless = file("app.json", `{"github_app_id":"1","github_app_private_key":"canary"}`);

const acme = `https://github.com/acme=${token}`;
const read = (...args: string[]) => readLocalFlags(args, folder);
const good = (...args: string[]) => read("--kubeconfig", east, "--github", acme, ...args);

describe("a mistake in the flags of runlet local", () => {
  const calls: [string[], string][] = [
    [[], "missing: --kubeconfig [NAME=]FILE and --github SCOPE_URL=FILE"],
    [["--kubeconfig", east], "missing: --github SCOPE_URL=FILE"],
    [["--kubeconfig", "", "--github", acme], '--kubeconfig "": name a file'],
    [["--kubeconfig", "/nowhere", "--github", acme], "/nowhere: there is no such file"],
    [["--kubeconfig", folder, "--github", acme], "that is a folder"],
    [["--kubeconfig", odd, "--github", acme], "name the cluster with small letters"],
    [["--kubeconfig", "EA_ST=f", "--github", acme], "EA_ST=f: name the cluster with small letters"],
    [["--kubeconfig", east, "--kubeconfig", `east=${west}`, "--github", acme], "twice for east"],
    [
      ["--kubeconfig", east, "--github", acme, "--github", acme],
      "twice for https://github.com/acme",
    ],
    [["--kubeconfig", east, "--github", ""], '--github "": give it as SCOPE_URL=FILE'],
    [["--kubeconfig", east, "--github", "ghp_canary0000000000"], "--github ghp_***: give it as"],
    [["--kubeconfig", east, "--github", "https://github.com/acme="], "name a file"],
    [
      ["--kubeconfig", east, "--github", `https://github.com/acme=${empty}`],
      "empty is empty: give a",
    ],
    [
      ["--kubeconfig", east, "--github", `https://github.com/acme=${keyless}`],
      "has a wrong github_app_private_key: give",
    ],
    [["--kubeconfig", east, "--github", `acme=${token}`], "begin it with https://"],
    [["--kubeconfig", east, "--github", acme, "--webhook-secret-file", empty], "the file is empty"],
    [["--kubeconfig", east, "--github", acme, "--webhook", "acme"], "begin it with https://"],
    [["--kubeconfig", east, "--github", acme, "--rest-after-minutes", "0"], "from 1 to 1440"],
    [["--kubeconfig", east, "--github", acme, "--state", folder], "name a file, as in --state"],
    [
      ["--kubeconfig", east, "--github", acme, "--context", ""],
      "give it as NAME=CONTEXT, NAME one of east",
    ],
    [
      ["--kubeconfig", east, "--kubeconfig", west, "--github", acme, "--context", "admin"],
      "NAME one of east, west",
    ],
  ];

  it.each(calls)("%j is one line that says so", (args, says) => {
    const told = () => read(...args);
    expect(told).toThrow(says);
    expect(told).toThrow(/^(?!.*canary)[^\n]+$/);
  });
});

describe("the clusters of runlet local", () => {
  const clusters = (flags: ReturnType<typeof read>) =>
    flags === "help" ? [] : flags.config.clusters.map(({ name, context }) => [name, context]);

  it("take their name from the file, and the context that is meant for them", () => {
    expect(clusters(good("--context", "arn:aws:eks=x/prod"))).toEqual([
      ["east", "arn:aws:eks=x/prod"],
    ]);
    const both = good("--kubeconfig", `eu-1=${west}`, "--context", "eu-1=admin@eu=1");
    expect(clusters(both)).toEqual([
      ["east", undefined],
      ["eu-1", "admin@eu=1"],
    ]);
  });
});
