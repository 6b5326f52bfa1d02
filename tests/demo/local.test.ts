// Why: `runlet local` is told of clusters by files that somebody wrote once; what is wrong with one is said in words that
// lead to its end, in the first seconds.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSystemRandom } from "@runlet/runtime/random";
import { getServerCertificate } from "@runlet/simulators/kube-api/certificates";
import { renderKubeconfig } from "@runlet/simulators/kube-api/kubeconfig";
import { listenApi } from "@runlet/simulators/kube-api/listen";
import { createKubeApiSimulator } from "@runlet/simulators/kube-api/simulator";
import { afterEach, expect, it } from "vitest";
import { killPrograms, newHome, runProgram, startProgram } from "./run-program.ts";

const clock = createSystemClock();
const ends: (() => unknown)[] = [];
afterEach(async () => {
  await killPrograms();
  for (const end of ends.splice(0)) await end();
});

it(
  "runlet local with a token that the cluster refuses says so, what to type, and what status says when it has ended",
  { timeout: 60_000 },
  async () => {
    const home = newHome();
    const api = createKubeApiSimulator({ clock, random: createSystemRandom() });
    const certificate = await getServerCertificate(join(home, "kube-api"), clock.wallMs());
    const { url: server, close } = await listenApi(api.app, { port: 0, certificate });
    ends.push(close);
    const { caPem } = certificate;
    const token = "taken-away";
    const kubeconfig = renderKubeconfig({ name: "east", server, caPem, token });
    writeFileSync(join(home, "east.yaml"), kubeconfig);
    writeFileSync(join(home, "token"), `ghp_${"a1".repeat(18)}\n`);
    const github = "http://127.0.0.1:1/acme=token";
    const args = ["local", "--kubeconfig", "east=east.yaml", "--github", github];
    const local = startProgram("runlet", args, { home });
    const says = /cluster east refuses our account \(401\): .* npx runlet cluster grant east .*/;
    for (let look = 0; look < 200 && !says.test(local.err()); look++) await clock.sleep(50);
    expect(local.err()).toMatch(says);
    expect(local.err()).toContain("serving 0 scale sets in 1 cluster, but not in east;");
    expect(local.err()).not.toContain(token);

    expect((await runProgram("npx", ["status"], { home })).out).not.toContain("nothing runs here");
    local.child.kill("SIGTERM");
    expect((await local.ended).code).toBe(0);
    const { code, out } = await runProgram("npx", ["status"], { home });
    expect([code, out]).toEqual([0, expect.stringContaining("start it with npx runlet local")]);
  },
);
