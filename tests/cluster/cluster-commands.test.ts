// Why: what the command line grants and asks is for a real API server to judge: it refuses rules that an administrator may
// not give away, answers SelfSubjectAccessReviews by them, and decides for how long a token is good.
import { join } from "node:path";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { clusterCommand } from "@runlet/runlet/commands/cluster";
import { expect, test } from "vitest";
import { runInProcess } from "../demo/run-in-process.ts";

const admin = process.env["RUNLET_KUBECONFIG"] ?? "";

test("a cluster is granted, added, checked and removed on a real API server", async () => {
  expect(admin).not.toBe("");
  const home = mkdtempSync(join(tmpdir(), "runlet-commands-"));
  const east = join(home, "east.yaml");
  const state = ["--state", join(home, "state.sqlite")];
  const run = (...args: string[]) => runInProcess(clusterCommand, args);

  const applying = ["--apply", "--kubeconfig", admin, "--write", east];
  // Another test grants on the same server, and either may come first.
  for (const done of [/created|updated/, /updated/]) {
    const granted = await run("grant", ...applying);
    const role = new RegExp(`^ClusterRole runlet-control-plane (${done.source})$`, "m");
    expect([granted.code, granted.err]).toEqual([0, expect.stringMatching(role)]);
  }
  const added = await run("add", "east", "--kubeconfig", east, ...state);
  expect([added.code, added.err]).toEqual([0, "checking cluster east …\n"]);
  const { check } = JSON.parse((await run("check", "east", ...state, "--json")).out) as {
    check: {
      rights: { asked: number; lacking: unknown[] };
      missingKinds: string[];
      version: string;
    };
  }; // the command's own answer
  expect(check).toMatchObject({ rights: { lacking: [] }, missingKinds: [] });
  expect(check.version).toMatch(/^v1\.\d+\./);
  const rotated = await run("rotate", "east", "--kubeconfig", east, ...state);
  expect(rotated.code).toBe(0);
  const narrow = await run("add", "red", "--kubeconfig", east, "--namespace", "red", ...state);
  expect(narrow.code).toBe(0);
  for (const name of ["east", "red"])
    expect((await run("remove", name, ...state)).out).toContain(`cluster ${name} is removed`);
}, 60_000);
