import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inheritedEnvironment } from "@runlet/runtime/settings-environment";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const file = fileURLToPath(new URL("./serve.ts", import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "runlet-serve-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** Starts serve.ts; `onLine` may end it. */
function serve(args: string[], onLine: (stop: (signal: NodeJS.Signals) => void) => void) {
  return new Promise<Ended>((resolve) => {
    const child = spawn(process.execPath, [file, ...args], {
      env: { ...inheritedEnvironment(), RUNLET_HOME: folder },
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes("\n")) onLine((signal) => void child.kill(signal));
    });
    child.stderr.on("data", (chunk: Buffer) => void (err += chunk.toString()));
    child.on("exit", (code) => resolve({ code, out, err }));
  });
}

describe("npm run simulator:kube-api", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "says in one line that it is ready, and ends with 0 on %s",
    async (signal) => {
      const kubeconfig = join(folder, "kubeconfig.yaml");
      const args = ["--port", "0", "--kubeconfig", kubeconfig, "--no-kubelet", "--json"];
      const { code, out, err } = await serve(args, (stop) => stop(signal));
      expect({ code, err }).toEqual({ code: 0, err: "" });
      const ready = JSON.parse(out) as { url: string };
      expect(ready).toMatchObject({ ready: true, kubeconfig });
      expect(readFileSync(kubeconfig, "utf8")).toContain(`server: ${ready.url}`);
      expect(statSync(kubeconfig).mode & 0o777).toBe(0o600);
    },
    60_000,
  );

  it("says what is wrong with a flag in one line, and ends with 2", async () => {
    const wrong = [
      ["--prot", "1"],
      ["--port", "x", "--kubeconfig", "k"],
      ["--port", "65536", "--kubeconfig", "k"],
      ["--port", "1"],
    ];
    const ended = await Promise.all(wrong.map((args) => serve(args, () => {})));
    for (const [index, { code, out, err }] of ended.entries()) {
      expect({ code, out }, wrong[index]?.join(" ")).toEqual({ code: 2, out: "" });
      expect(err.trim().split("\n")).toHaveLength(1);
    }
  }, 60_000);

  it("has a help", async () => {
    const { code, out } = await serve(["--help"], () => {});
    expect(code).toBe(0);
    expect(out).toContain("--kubeconfig FILE");
  });
});
