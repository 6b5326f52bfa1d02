// Why: what people and older or newer versions leave in a cluster, a store or a secret is wrong now and then. It has a
// name, it is said once and clearly, nothing is overwritten, and everything else goes on.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryTable } from "@runlet/coordination/memory-table";
import { createSqliteTable } from "@runlet/coordination/sqlite-table";
import { openStateFile } from "@runlet/coordination/state-file";
import { credentialManifest, runnersNamespace } from "@runlet/runlet/world/manifests";
import { createSeededRandom } from "@runlet/runtime/random";
import { createSystemClock } from "@runlet/runtime/clock";
import { afterEach, describe, expect, it } from "vitest";
import { linux, modes, startWorld, type RunningWorld } from "./running-world.ts";

const gpu = { ...linux, name: "gpu" };
const actions = "actions.github.com/v1alpha1";

function eastOf({ clusters }: RunningWorld) {
  const east = clusters.get("east");
  if (!east) throw new Error("there is no east");
  return east.api;
}

const said = (world: RunningWorld, event: string) =>
  world.recorder.lines().filter((line) => line.event === event);

const eventsOf = (world: RunningWorld) =>
  eastOf(world)
    .objects("v1", "Event")
    .map(({ reason, message }) => `${String(reason)}: ${String(message)}`);

const completed = (world: RunningWorld) => world.service.control.ledger().counts.completed;

describe.each(modes)("a checkpoint of a newer version, in %s mode", (mode) => {
  it("stops that scale set by name, is not overwritten, and the others go on", async () => {
    const table = createMemoryTable(() => 0);
    const world = await startWorld({ mode, table, scaleSets: [linux, gpu] });
    const key = world.service.control.findScaleSet("linux")?.id;
    world.functions.running().forEach((poller) => poller.kill());
    const rows = await table.list("checkpoint/");
    const row = rows.find(({ key: one }) => one.endsWith(`:${String(key)}`));
    if (!row)
      throw new Error(`no checkpoint of ${String(key)} among ${rows.map((one) => one.key).join()}`);
    const newer = { ...row, version: "newer", value: { ...row.value, format: 99, more: "kept" } };
    expect(await table.put(newer, { version: row.version })).toBe("put");

    world.queue("gpu");
    world.queue("linux");
    await world.until(() => completed(world) === 1, 30_000, "the job of the other set");
    await world.clock.runFor(20_000);
    expect(completed(world)).toBe(1);
    expect(said(world, "checkpoint_unreadable")[0]).toMatchObject({
      reason: "newer",
      why: expect.stringContaining("update Runlet"),
    });
    expect(await table.get(row.key)).toEqual(newer);

    expect(await table.put({ ...row, version: "back" }, { version: "newer" })).toBe("put");
    await world.jobsEnd(60_000);
    await world.endClean();
  });
});

describe.each(modes)("a runner set with a config URL that has a typo, in %s mode", (mode) => {
  it("gets an event that says so, and the others go on", async () => {
    const world = await startWorld({ mode });
    const typo = `${world.configUrl}/one/two/three`;
    world.clusters.get("east")?.api.applyManifests(manifest("typo", typo));
    await world.clock.runFor(5_000);
    const told = eventsOf(world).filter((event) => event.includes("path segments"));
    expect(told).toHaveLength(1);
    await world.clock.runFor(60_000);
    const count = eastOf(world).objects("v1", "Event").length;
    expect(count).toBeLessThan(20);
    world.queue("linux");
    await world.jobsEnd(10_000);
    await world.endClean();
  });
});

function manifest(name: string, configUrl: string): string {
  return `
apiVersion: ${actions}
kind: AutoscalingRunnerSet
metadata: { name: ${name}, namespace: ${runnersNamespace} }
spec:
  githubConfigUrl: ${configUrl}
  githubConfigSecret: github
  template: { spec: { containers: [{ name: runner, image: r, command: [/home/runner/run.sh] }] } }
`;
}

describe.each(modes)("wrong credentials, in %s mode", (mode) => {
  const wrong = "ghp_wrongwrongwrongwrongwrongwrong0000";

  it("in the cluster's Secret are an event and a state, without a storm; right ones are used soon", async () => {
    const world = await startWorld({ mode });
    const { api } = world.clusters.get("east") ?? {};
    api?.applyManifests(credentialManifest(wrong).replace("name: github", "name: wrong"));
    api?.applyManifests(manifest("refused", world.configUrl).replace(": github\n", ": wrong\n"));
    const asked = () =>
      world.service.control.requests().filter(({ status }) => status === 401).length;
    await world.clock.runFor(60_000);
    const before = asked();
    expect(before).toBeGreaterThan(0);
    await world.clock.runFor(60_000);
    expect(asked() - before).toBeLessThanOrEqual(15);
    const told = eventsOf(world).filter((event) => event.startsWith("Unauthorized: "));
    expect(told).toHaveLength(1);
    expect(told.join("\n")).not.toContain(wrong);
    world.queue("linux");
    await world.jobsEnd(10_000);
    api?.applyManifests(credentialManifest(world.pat).replace("name: github", "name: wrong"));
    const served = () => world.service.control.findScaleSet("refused") !== undefined;
    await world.until(served, 180_000, "the set to be served with the right credential");
    await world.deleteSet("east", "refused");
    await world.until(() => !served(), 60_000, "the set to be gone with the right credential");
    await world.stop();
  });

  it("of the control plane are named with their scope, without a storm, until they are good again", async () => {
    const world = await startWorld({ mode });
    world.service.control.addFault({ route: "registrationToken", times: 100_000, status: 401 });
    world.service.control.expireAdminTokens();
    world.service.control.expireQueueTokens();
    const before = world.service.control.requests().length;
    await world.clock.runFor(120_000);
    // How often the credential itself is tried: a few times an invocation (8 s here, 15 minutes in the cloud).
    const tried = world.service.control
      .requests()
      .slice(before)
      .filter(({ status, route }) => status === 401 && route === "registrationToken");
    expect(tried.length).toBeGreaterThan(0);
    expect(tried.length).toBeLessThan(50);
    expect(said(world, "admin_connection_failed")[0]).toMatchObject({
      reason: "unauthorized",
      scope: "service.test/acme",
    });
    const lines = JSON.stringify(world.recorder.lines());
    expect(lines).not.toContain(world.pat);
    world.service.control.clearFaults();
    world.queue("linux");
    await world.jobsEnd(90_000);
    await world.endClean();
  });
});

describe.each(modes)("a manifest with a wrong field, in %s mode", (mode) => {
  const post = async (world: RunningWorld, body: string, query = "") => {
    const api = eastOf(world);
    const url = `https://east.direct/apis/${actions}/namespaces/${runnersNamespace}/autoscalingrunnersets${query}`;
    const answer = await api.fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${api.adminToken}`, "content-type": "application/yaml" },
      body,
    });
    return { status: answer.status, text: await answer.text() };
  };

  it("is refused by the API server with one message that names the field, and nothing is made", async () => {
    const world = await startWorld({ mode });
    const good = manifest("wrong", world.configUrl);
    const type = await post(world, good.replace("spec:\n", "spec:\n  maxRunners: ten\n"));
    expect(type).toMatchObject({ status: 422, text: expect.stringContaining("spec.maxRunners") });
    const typo = good.replace("spec:\n", "spec:\n  maxRuners: 10\n");
    const strict = await post(world, typo, "?fieldValidation=Strict");
    expect(strict).toMatchObject({ status: 400, text: expect.stringContaining("spec.maxRuners") });
    expect(eastOf(world).objects(actions, "AutoscalingRunnerSet")).toHaveLength(1);
    await world.endClean();
  });
});

describe.each(modes)("a full state file, in %s mode", (mode) => {
  const closing: (() => void)[] = [];
  afterEach(() => closing.splice(0).forEach((close) => close()));

  it("is one clear line; nothing is half-done or lost, and all goes on when there is room", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "runlet-full-")), "state.sqlite");
    const deps = { clock: createSystemClock(), random: createSeededRandom(1) };
    const file = await openStateFile(deps, path);
    closing.push(() => file.close());
    const world = await startWorld({ mode, table: createSqliteTable(deps, file) });
    const { database } = file;
    const pages = Number(Object.values(database.prepare("PRAGMA page_count").get() ?? {})[0]);
    database.exec(`PRAGMA max_page_count = ${pages}`);
    const fill = database.prepare("INSERT INTO rows (key, version, value) VALUES (?, '1', '{}')");
    const filled = () => {
      for (let n = 0; n < 100_000; n++) fill.run(`filler/${n}`);
    };
    expect(filled).toThrow(/full/);

    world.queue("linux", { count: 3 });
    await world.clock.runFor(10_000);
    const lines = world.recorder.lines().map((line) => JSON.stringify(line));
    expect(
      lines.filter((line) => line.includes("is full: nothing was written")).length,
    ).toBeGreaterThan(0);
    expect(Object.values(database.prepare("PRAGMA quick_check").get() ?? {})).toEqual(["ok"]);
    database.exec("DELETE FROM rows WHERE key LIKE 'filler/%'");
    database.exec("PRAGMA max_page_count = 100000");
    await world.jobsEnd(60_000);
    expect(completed(world)).toBe(3);
    await world.endClean();
  });
});
