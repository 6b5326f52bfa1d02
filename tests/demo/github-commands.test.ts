// Why: a credential is registered by a person who has just clicked through GitHub's pages and may have missed one. The
// commands are met against a GitHub on a socket that refuses what the real one would.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { verifySignature } from "@runlet/control-plane/webhook/verify";
import { githubCommand } from "@runlet/runlet/commands/github";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSystemRandom } from "@runlet/runtime/random";
import { listen } from "@runlet/simulators/actions-service/listen";
import { createActionsServiceSimulator } from "@runlet/simulators/actions-service/simulator";
import { createKubeApiSimulator } from "@runlet/simulators/kube-api/simulator";
import { getServerCertificate } from "@runlet/simulators/kube-api/certificates";
import { renderKubeconfig } from "@runlet/simulators/kube-api/kubeconfig";
import { listenApi } from "@runlet/simulators/kube-api/listen";
import { afterEach, describe, expect, it } from "vitest";
import { runInProcess } from "./run-in-process.ts";
import { newHome } from "./run-program.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const clock = createSystemClock();
const random = createSystemRandom();
const pat = `ghp_${"a1".repeat(18)}`;
const hookSecret = "its-secret";
const keys = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

/** A webhook that answers as ours does: 202 to what is signed with its secret. */
async function startWebhook(): Promise<string> {
  const server = createServer((request, response) => {
    void buffer(request).then(async (body) => {
      const signature = String(request.headers["x-hub-signature-256"]);
      const text = await verifySignature([hookSecret], body, signature);
      response.writeHead(text === undefined ? 401 : 202).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo; // a TCP listener has one
  return `http://127.0.0.1:${port}/webhook`;
}

/** A GitHub with one App and one PAT, and the command line with a state file of its own. */
async function setUp() {
  const home = newHome();
  const webhookUrl = await startWebhook();
  const service = createActionsServiceSimulator(
    { clock, random, deliver: async () => 202 },
    {
      mode: "acquire",
      pat,
      app: { ids: ["12345"], installationIds: [77], publicKey: keys.publicKey },
      webhook: { url: webhookUrl, secret: hookSecret },
    },
  );
  const { url, close } = await listen(service.app, 0);
  closing.push(close, () => service.stop());
  const write = (name: string, text: string) => {
    const path = join(home, name);
    writeFileSync(path, text);
    return path;
  };
  const run = (...args: string[]) =>
    runInProcess(githubCommand, [...args, "--state", join(home, "state.sqlite")]);
  const kept = () => {
    const folder = join(home, "secrets");
    return readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
  };
  return { home, scope: `${url}/acme`, service, webhookUrl, write, run, kept };
}

const app = (key: string, installation = "77") =>
  `--app-id 12345 --installation-id ${installation} --key-file ${key}`.split(" ");

const add = (...flags: string[]) => ["add", "https://github.com/acme", ...flags];
const empty = "/dev/null";
const full = join(newHome(), "token");
writeFileSync(full, `${pat}\n`);

describe("runlet github", () => {
  it("keeps a token that GitHub takes, checks webhook and secret, rotates and removes it", async () => {
    const { scope, webhookUrl, write, run, kept } = await setUp();
    const token = write("token", `${pat}\n`);
    const secret = write("secret", hookSecret);
    const hook = ["--webhook-url", webhookUrl, "--webhook-secret-file", secret];
    const added = await run("add", scope, "--token-file", token, ...hook);
    expect([added.code, added.err]).toEqual([0, expect.stringContaining("asking GitHub")]);
    for (const line of ["✓ runners:", "✓ webhook:", "✓ webhook secret:", "is kept in state file"])
      expect(added.out).toContain(line);
    expect(added.out + added.err).not.toContain(pat);
    expect(kept()).toEqual([JSON.stringify({ github_token: pat })]);
    expect((await run("list")).out).toBe(`${new URL(scope).host}/acme\n`);
    // What lies below a scope has its credential.
    expect((await run("check", `${scope}/some-repository`)).code).toBe(0);
    expect((await run("check", scope)).out).toContain("✓ runners");
    expect(await run("add", scope, "--token-file", token)).toMatchObject({
      code: 1,
      err: expect.stringContaining("runlet github rotate"),
    });
    const key = write("key.pem", keys.privateKey);
    expect((await run("rotate", scope, ...app(key))).code).toBe(0);
    expect(kept()[0]).toContain("github_app_private_key");
    expect((await run("remove", scope)).out).toContain("is removed");
    expect(kept()).toEqual([]);
    expect((await run("check", scope)).err).toContain("runlet github add");
  });

  it.each<[string, string[], RegExp[]]>([
    ["a wrong token", ["--token-file", "bad-token"], [/wrong, revoked or has ended/, /admin:org/]],
    ["a foreign key", app("foreign.pem"), [/do not belong together/, /Generate a private key/]],
    ["a wrong installation", app("key.pem", "78"), [/no installation 78 here/, /installations/]],
  ])("says what to click for %s, and keeps nothing", async (_what, flags, words) => {
    const { scope, home, write, run } = await setUp();
    const foreign = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    write("bad-token", `ghp_${"b2".repeat(18)}`);
    write("key.pem", keys.privateKey);
    write("foreign.pem", String(foreign.export({ type: "pkcs8", format: "pem" })));
    const given = flags.map((flag) => (/-token$|\.pem$/.test(flag) ? join(home, flag) : flag));
    const { code, out } = await run("add", scope, ...given);
    expect([code, out]).toEqual([1, expect.stringContaining("✗ runners")]);
    for (const word of words) expect(out).toMatch(word);
    expect(out).toContain("nothing was kept");
    expect((await run("list")).out).toContain("no credential is registered");
  });

  it("finds an App that is not subscribed to workflow jobs, and says where to tick them", async () => {
    const { scope, service, webhookUrl, write, run } = await setUp();
    await run("add", scope, ...app(write("key.pem", keys.privateKey)));
    const good = await run("check", scope, "--webhook-url", webhookUrl);
    expect([good.code, good.out]).toEqual([0, expect.stringContaining("✓ webhook: GitHub sends")]);
    service.control.setKnobs({ appHearsJobs: false });
    const deaf = await run("check", scope, "--webhook-url", webhookUrl);
    expect([deaf.code, deaf.out]).toEqual([
      1,
      expect.stringContaining("does not send workflow jobs"),
    ]);
    expect(deaf.out).toContain('"Subscribe to events": "Workflow job"');
  });

  it("tells a missing permission by its name on GitHub's page", async () => {
    const { scope, service, write, run } = await setUp();
    service.control.addFault({ route: "registrationToken", status: 403, times: 20 });
    const { out } = await run("add", scope, ...app(write("key.pem", keys.privateKey)));
    expect(out).toContain('"Self-hosted runners": "Read and write"');
  });

  it("finds a webhook that leads elsewhere, one that may not be seen, and another secret", async () => {
    const { scope, service, webhookUrl, write, run } = await setUp();
    await run("add", scope, "--token-file", write("token", pat));
    const other = write("other", "another-secret");
    const elsewhere = await run("check", scope, "--webhook-url", "https://elsewhere.test/webhook");
    expect([elsewhere.code, elsewhere.out]).toEqual([1, expect.stringContaining("✗ webhook: no")]);
    expect(elsewhere.out).toContain('"Let me select individual events": "Workflow jobs"');
    const hook = ["--webhook-url", webhookUrl, "--webhook-secret-file", other];
    const secret = await run("check", scope, ...hook, "--json");
    expect(secret.code).toBe(1);
    expect(JSON.parse(secret.out)).toMatchObject({
      findings: [
        { what: "runners", state: "good" },
        { what: "webhook", state: "good" },
        { what: "webhook secret", state: "wrong", says: expect.stringContaining("answers 401") },
      ],
    });
    service.control.addFault({ route: "hooks", status: 404, times: 1 });
    const unseen = await run("check", scope, "--webhook-url", webhookUrl);
    expect([unseen.code, unseen.out]).toEqual([0, expect.stringContaining("? webhook: the cred")]);
  });

  it("takes over the Secret that ARC's users have in a cluster", async () => {
    const { home, scope, write, run, kept } = await setUp();
    const api = createKubeApiSimulator({ clock, random });
    const certificate = await getServerCertificate(join(home, "kube-api"), clock.wallMs());
    const { url: server, close } = await listenApi(api.app, { port: 0, certificate });
    closing.push(close, () => api.close());
    const { caPem } = certificate;
    const admin = { name: "admin", server, caPem, token: api.adminToken };
    const kubeconfig = write("admin.yaml", renderKubeconfig(admin));
    api.applyManifests(`apiVersion: v1
kind: Secret
metadata: { name: arc, namespace: default }
stringData: { github_token: ${pat}, unrelated: x }
`);
    const from = (path: string) =>
      run("add", scope, "--from-secret", path, "--kubeconfig", kubeconfig);
    expect((await from("east/default")).err).toContain("CLUSTER/NAMESPACE/NAME");
    expect((await from("east/default/none")).err).toContain("has no Secret default/none");
    expect((await from("east/default/arc")).code).toBe(0);
    expect(kept()).toEqual([JSON.stringify({ github_token: pat })]);
  });

  it.each<[string[], number, string]>([
    [["add"], 2, "SCOPE_URL is missing"],
    [["add", "https://github.com/acme"], 2, "give one of --token-file"],
    [["add", "https://github.com/acme", "--app-id", "1"], 2, "needs --installation-id"],
    [["add", "github.com/acme", "--token-file", "x"], 2, "has no scheme"],
    [["add", "https://github.com/acme", "--token-file", "nowhere"], 2, "there is no such file"],
    [["list", "--proxy", "http://p"], 2, "github list takes no --proxy"],
    [add("--token-file", empty), 2, `--token-file ${empty}: it must hold the token`],
    [add(...app(empty)), 2, `--key-file ${empty}: it holds no private key`],
    [add(...app(empty, "x")), 2, "--installation-id x: give the number"],
    [add("--token-file", full, "--ca", empty), 2, `--ca ${empty}: it holds no certificate`],
    [add("--token-file", full, "--proxy", "ftp://a:b@p"), 2, "--proxy ***@p: give it as http://"],
  ])("%j ends with %i and one line", async (args, code, words) => {
    const { run } = await setUp();
    const ended = await run(...args);
    expect([ended.code, ended.err]).toEqual([code, expect.stringContaining(words)]);
    expect(ended.err.trim().split("\n")).toHaveLength(1);
  });

  it("says that a credential was kept untried while GitHub does not answer, and ends with 1", async () => {
    const { scope, service, run } = await setUp();
    service.control.addFault({ route: "registrationToken", status: 502, times: 20 });
    const added = await run("add", scope, "--token-file", full);
    expect(added.code).toBe(1);
    expect(added.out).toContain("? runners");
    expect(added.out).toContain("untried; when GitHub answers: runlet github check");
    service.control.clearFaults();
    expect((await run("check", scope)).code).toBe(0);
  });

  it("refuses a stage that nobody can have deployed before it asks AWS", async () => {
    const { code, err } = await runInProcess(githubCommand, ["list", "--stage", "No/Stage"]);
    expect([code, err]).toEqual([2, expect.stringContaining("stage No/Stage: a stage's name has")]);
  });
});
