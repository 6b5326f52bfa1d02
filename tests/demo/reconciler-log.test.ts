import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderKubeconfig } from "@runlet/simulators/kube-api/kubeconfig";
import { generate } from "selfsigned";
import { afterEach, expect, it } from "vitest";
import { follow, killPrograms, newHome, root } from "./run-program.ts";

afterEach(killPrograms);

it("every line of the reconciler's log is JSON and says which version wrote it", async () => {
  const home = newHome();
  const kubeconfig = join(home, "nowhere.yaml");
  const { cert: caPem } = await generate([{ name: "commonName", value: "nobody" }]);
  // Port 1: nobody listens, so that it has something to say.
  const server = "https://127.0.0.1:1";
  writeFileSync(kubeconfig, renderKubeconfig({ name: "east", server, caPem, token: "none" }));
  const flags = ["--kubeconfig", kubeconfig, "--probe-port", "0", "--log-level", "debug"];
  const program = join(root, "packages/reconciler/main.ts");
  const child = spawn(process.execPath, [program, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  const reconciler = follow(child, 20_000);
  await reconciler.line((line) => line.includes("ECONNREFUSED"));
  child.kill("SIGTERM");
  const { code, out } = await reconciler.ended;
  expect(code).toBe(0);
  const lines = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  const fact = { time: expect.any(String), level: expect.any(String), event: expect.any(String) };
  for (const line of lines) expect(line).toMatchObject({ ...fact, version: "0.1.0" });
});
