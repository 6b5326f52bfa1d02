// docs/migrate-from-arc.md, step by step: one namespace after the other, and back, while jobs run in both.
import {
  autoscalingListeners,
  ephemeralRunnerSets,
  namespaces,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { credentialManifest, runnerSetManifest } from "@runlet/runlet/world/manifests";
import { runUntilEnded, type VirtualWorld } from "@runlet/runlet/world/virtual-world";
import { describe, expect, it } from "vitest";
import { linux, modes, startWorld, type RunningWorld } from "../world/running-world.ts";
import { arcFinalizer, arcNamespace, createArc, type Arc } from "./arc.ts";

const first = "runners";
const second = "others";
const managed = "runlet.dev/managed";
/** The demo's sweep comes every 2 s; a look, a cold start and a session take about one more. */
const changeMs = 5_000;

describe.each(modes)("from ARC to Runlet and back, in %s mode", (mode) => {
  it("no job is lost and none waits for longer than the change takes", async () => {
    const arcs = new Map<string, Arc>();
    const world = await startWorld({ mode }, (made) => prepare(made, arcs));
    const steps = withSteps(world, arcs);
    const areUp = () => world.service.control.sessions().length === 2;
    await world.until(areUp, 5_000, "ARC's two listeners");
    const jobs = keepQueueing(world);
    await world.clock.runFor(8_000);
    expect(steps.sessions()).toEqual({ linux: "arc", windows: "arc" });

    await steps.take(first);
    await world.clock.runFor(8_000);
    expect(steps.sessions()).toEqual({ linux: "runlet", windows: "arc" });
    // What ARC has left: its busy runners ended their jobs, the others are gone.
    expect(steps.runnerSets(first)).toEqual(["runlet"]);
    await steps.take(second);
    await world.clock.runFor(8_000);
    expect(steps.sessions()).toEqual({ linux: "runlet", windows: "runlet" });

    await steps.giveBack(first);
    await world.clock.runFor(8_000);
    expect(steps.sessions()).toEqual({ linux: "arc", windows: "runlet" });
    expect(steps.runnerSets(first)).toEqual(["arc"]);
    await steps.take(first);
    jobs.stop();
    await world.jobsEnd(30_000);

    const ledger = world.service.control.ledger().jobs;
    expect(ledger.length).toBeGreaterThan(60);
    expect(ledger.filter(({ outcome }) => outcome !== "succeeded")).toEqual([]);
    const { starts, longestMs } = startsOf(world);
    expect(starts).toBe(ledger.length);
    expect(longestMs).toBeLessThan(changeMs + 2_000);
    expect(world.service.control.scaleSets().map(({ id }) => id)).toHaveLength(2);
    await world.endClean(60_000);
  }, 60_000);
});

/** Two namespaces that ARC serves, each with a controller of its own; nothing is managed by Runlet. */
function prepare(world: VirtualWorld, arcs: Map<string, Arc>): void {
  const api = world.clusters.get("east")?.api;
  const namespace = (name: string) => `
apiVersion: v1
kind: Namespace
metadata: { name: ${name}, labels: { ${managed}: "false" } }
---
`;
  const windows = runnerSetManifest({ ...linux, name: "windows" }, world.configUrl);
  const there = `${credentialManifest(world.pat)}---\n${windows}`;
  api?.applyManifests([first, second, arcNamespace].map(namespace).join(""));
  api?.applyManifests(there.replaceAll(`namespace: ${first}`, `namespace: ${second}`));
  for (const name of [first, second]) {
    const arc = createArc(world, "east", name);
    arcs.set(name, arc);
    arc.startController();
  }
}

/** The page's commands, each waited for as the page says. */
function withSteps(world: RunningWorld, arcs: Map<string, Arc>) {
  const { clock } = world;
  const { admin, api } = world.clusters.get("east") ?? {};
  if (!admin || !api) throw new Error("there is no east");
  const act = <T>(call: Promise<T>) => runUntilEnded(clock, call, 10_000, "a step");
  const label = (name: string, value: string | null) => {
    const body = { metadata: { labels: { [managed]: value } } };
    return act(admin.patch(namespaces, { name }, { type: "merge", body }));
  };
  const objects = () =>
    // `as`: the store holds what was written as this kind.
    api.objects(
      "actions.github.com/v1alpha1",
      "EphemeralRunnerSet",
    ) as unknown as EphemeralRunnerSet[];
  const isOurs = ({ metadata }: EphemeralRunnerSet) =>
    metadata.annotations?.["runlet.dev/fence"] !== undefined;
  const sessions = () =>
    Object.fromEntries(
      world.service.control
        .sessions()
        .map(({ scaleSet, ownerName }) => [
          world.service.control.scaleSets().find(({ key }) => key === scaleSet)?.name,
          ownerName.startsWith("runlet-") ? "runlet" : "arc",
        ]),
    );
  const nameOf = (namespace: string) => (namespace === first ? "linux" : "windows");
  const arcOf = (namespace: string) => {
    const arc = arcs.get(namespace);
    if (!arc) throw new Error(`ARC does not serve ${namespace}`);
    return arc;
  };

  return {
    sessions,
    runnerSets: (namespace: string) =>
      objects()
        .filter(({ metadata }) => metadata.namespace === namespace)
        .map((one) => (isOurs(one) ? "runlet" : "arc")),
    async take(namespace: string) {
      await label(namespace, "true");
      await clock.runFor(3_000);
      // A live listener: refused, with an event, and nothing is touched.
      expect(sessions()[nameOf(namespace)]).toBe("arc");
      arcOf(namespace).stopController();
      for (const name of arcOf(namespace).listeners()) {
        const key = { namespace: arcNamespace, name };
        const body = { metadata: { finalizers: null } };
        await act(arcOf(namespace).deletePod(name));
        await act(admin.remove(autoscalingListeners, key));
        await act(admin.patch(autoscalingListeners, key, { type: "merge", body }));
      }
      const isServed = () => sessions()[nameOf(namespace)] === "runlet";
      await world.until(isServed, changeMs, `${namespace} to be Runlet's`);
    },
    async giveBack(namespace: string) {
      await label(namespace, null);
      // Announced to us, who may not take it any more; ARC's listener must hear of it all the same.
      world.clock.after(5, () => void world.queue(nameOf(namespace)));
      const isFree = () => sessions()[nameOf(namespace)] === undefined;
      await world.until(isFree, changeMs, `the session of ${namespace} to be closed`);
      const body = { metadata: { finalizers: [arcFinalizer] } };
      const ours = objects().filter((one) => one.metadata.namespace === namespace && isOurs(one));
      for (const { metadata } of ours)
        await act(admin.patch(ephemeralRunnerSets, metadata, { type: "merge", body }));
      arcOf(namespace).startController();
      const isServed = () => sessions()[nameOf(namespace)] === "arc";
      await world.until(isServed, changeMs, `${namespace} to be ARC's`);
    },
  };
}

/** Jobs without end for both sets, short and long ones. */
function keepQueueing(world: RunningWorld) {
  let stopped = false;
  let n = 0;
  const next = () => {
    if (stopped) return;
    const durationMs = [500, 1_500, 5_000][n % 3] ?? 500;
    world.queue(n % 2 === 0 ? "linux" : "windows", { durationMs });
    n++;
    world.clock.after(600, next);
  };
  next();
  return { stop: () => void (stopped = true) };
}

/** How many jobs started (each once, if none was taken from its runner), and the longest wait. */
function startsOf({ recorder }: RunningWorld): { starts: number; longestMs: number } {
  const queued = new Map<string, number>();
  const waits: number[] = [];
  for (const fact of recorder.facts()) {
    if (fact.kind === "job-queued") queued.set(fact.job.key, fact.at);
    if (fact.kind === "job-started") waits.push(fact.at - (queued.get(fact.job.key) ?? 0));
  }
  return { starts: waits.length, longestMs: Math.max(...waits) };
}
