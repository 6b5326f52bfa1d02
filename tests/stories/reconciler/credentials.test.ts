// How the reconciler comes in at GitHub: with a PAT or an App, at github.com, a tenant or a server of one's own; and
// what happens when the credential is refused, changed or taken away while runners are at work.
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { secrets } from "@runlet/kubernetes/resources";
import {
  createWorld,
  namespace,
  nothing,
  pat,
  runnerSetManifest,
  type World,
} from "./reconciler-world.ts";

const minute = 60_000;
const key = { namespace, name: "github-secret" };

async function writeSecret(world: World, values: Record<string, string>) {
  const entries = Object.entries(values).map(([name, text]) => [
    name,
    Buffer.from(text).toString("base64"),
  ]);
  await world.admin.remove(secrets, key).catch(() => {});
  await world.admin.create(secrets, { metadata: key, data: Object.fromEntries(entries) } as never);
}

const registeredOf = (world: World) =>
  world.autoscaling()[0]?.status?.conditions?.find(({ type }) => type === "Registered");
const restCalls = (world: World) =>
  world.github.control.requests().filter(({ route }) => route === "registrationToken");

async function playJob(world: World, of: { owner?: string; enterprise?: string } = {}) {
  world.github.control.queueJobs({ scaleSet: "builders", durationMs: 5_000, ...of });
  const number = Number(world.runnerSetOf("builders")?.spec.patchID) + 1;
  await world.order("builders", 1, number);
  await world.clock.runFor(20_000);
}

describe("a scale set is made and its runners work", () => {
  const urls = [
    ["github.com, in an organisation", "https://github.com/my-org/"],
    ["in a repository", "https://github.com/my-org/my.repo"],
    ["in an enterprise", "https://github.com/enterprises/acme"],
    ["a tenant of ghe.com", "https://acme.ghe.com/my-org"],
    ["GitHub Enterprise Server", "https://git.example.com/my-org"],
  ] as const;
  it.each(urls)("%s", async (_where, url) => {
    const world = createWorld();
    const manifest = runnerSetManifest("builders").replace("https://github.com/my-org", url);
    world.kube.applyManifests(manifest);
    await world.clock.runFor(3_000);
    expect(registeredOf(world)).toMatchObject({ status: "True" });
    await playJob(
      world,
      url.includes("enterprises/") ? { owner: "acme-org", enterprise: "acme" } : {},
    );
    expect(world.github.control.ledger().counts).toMatchObject({ completed: 1 });
    expect(world.leftovers()).toEqual(nothing);
  });

  it("with a GitHub App, whose installation token is renewed through the hours", async () => {
    const pair = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    const world = createWorld({
      start: false,
      app: { ids: ["Iv23abc"], installationIds: [77], publicKey: pair.publicKey },
    });
    await writeSecret(world, {
      github_app_id: "Iv23abc",
      github_app_installation_id: "77",
      github_app_private_key: pair.privateKey,
    });
    world.start();
    await world.serve("builders");
    for (let hour = 0; hour < 3; hour++) {
      await playJob(world);
      await world.clock.runFor(65 * minute);
    }
    expect(world.github.control.ledger().counts).toMatchObject({ completed: 3 });
    const refused = world.github.control.requests().filter(({ status }) => status === 401);
    expect(refused).toEqual([]);
  });
});

describe("a token that GitHub refuses", () => {
  it("from the start: said once, asked about ever more slowly, served a minute after it is changed", async () => {
    const world = createWorld({ start: false });
    await writeSecret(world, { github_token: "ghp_wrong" });
    world.start();
    world.kube.applyManifests(runnerSetManifest("builders"));
    await world.clock.runFor(10 * minute);
    expect(world.events().map(({ reason }) => reason)).toEqual(["Unauthorized"]);
    expect(registeredOf(world)).toMatchObject({ status: "False", reason: "Unauthorized" });
    expect(JSON.stringify(world.events())).not.toContain("ghp_wrong");
    const words =
      /^Secret github-secret \(githubConfigSecret\): GitHub refuses these credentials \(401\); renew them\. ./;
    expect(registeredOf(world)?.message).toMatch(words);
    expect(world.events()[0]?.message).toMatch(words);
    const before = restCalls(world).length;
    expect(before).toBeLessThan(30);
    await world.clock.runFor(10 * minute);
    expect(restCalls(world).length - before).toBeLessThanOrEqual(21);
    await writeSecret(world, { github_token: pat });
    await world.clock.runFor(70_000);
    expect(registeredOf(world)).toMatchObject({ status: "True" });
  });

  it("while forty runners wait for it: asked no more often than for one, whatever changes meanwhile", async () => {
    const passes: string[] = [];
    const world = createWorld({
      logTo: (line) => line.includes("pass_failed") && passes.push(line),
    });
    await world.serve("builders");
    await world.clock.runFor(minute);
    await writeSecret(world, { github_token: "ghp_wrong" });
    // The hour of the admin token passes.
    await world.clock.runFor(60 * minute);
    const [asked, failed] = [restCalls(world).length, passes.length];
    for (let number = 1; number <= 60; number++) {
      await world.order("builders", 40, number);
      await world.clock.runFor(10_000);
    }
    expect(restCalls(world).length - asked).toBeLessThanOrEqual(35);
    // Forty runners and their set, for ten minutes, at the cap of a minute.
    expect(passes.length - failed).toBeLessThanOrEqual(41 * 22);
    await writeSecret(world, { github_token: pat });
    const areUp = () => world.runnerSetOf("builders")?.status?.runningEphemeralRunners === 40;
    await world.clock.runUntil(areUp, 2.5 * minute, "forty runners");
  });

  it("while the set is being deleted: it says why it stays, and goes a minute after the token is changed", async () => {
    const world = createWorld();
    await world.serve("builders");
    await writeSecret(world, { github_token: "ghp_wrong" });
    await world.clock.runFor(61 * minute);
    await world.deleteSet("builders");
    await world.clock.runFor(5 * minute);
    expect(registeredOf(world)).toMatchObject({ status: "False", reason: "Unauthorized" });
    expect(world.github.control.scaleSets()).toHaveLength(1);
    await writeSecret(world, { github_token: pat });
    await world.clock.runFor(70_000);
    expect(world.autoscaling()).toEqual([]);
    expect(world.github.control.scaleSets()).toEqual([]);
  });

  it("and is changed before anybody needs it again: nobody notices", async () => {
    const world = createWorld();
    await world.serve("builders");
    await writeSecret(world, { github_token: "ghp_wrong" });
    await world.clock.runFor(10 * minute);
    await writeSecret(world, { github_token: pat });
    await world.clock.runFor(120 * minute);
    expect(world.events()).toEqual([]);
    await playJob(world);
    expect(world.github.control.ledger().counts).toMatchObject({ completed: 1 });
  });
});
