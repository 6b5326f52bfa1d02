// Why: two replicas, of which one acts. What may happen to the one that leads – killed, frozen, cut off, told to stop – is
// told here to its outcome, and what both wrote is compared by the instants at which the servers saw it.
// A set is served by patches of the test's own, so the service's mode does not matter.
import { describe, expect, it } from "vitest";
import { createKubernetesClient } from "@runlet/kubernetes/client";
import { composeReconciler } from "@runlet/reconciler/compose";
import { createElection } from "@runlet/reconciler/leader-election";
import { createLifeline } from "@runlet/runlet/world/lifeline";
import type { Fetch } from "@runlet/runtime/fetch";
import { createLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { createWorld, nothing } from "./reconciler-world.ts";

const leaseRole = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: runlet-reconciler-leader, namespace: default }
rules:
  - { apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, patch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: runlet-reconciler-leader, namespace: default }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: runlet-reconciler-leader }
subjects: [{ kind: ServiceAccount, name: runlet-reconciler, namespace: default }]
`;

interface Effect {
  by: string;
  atMs: number;
  what: string;
}

function createElectedWorld(seed: number) {
  const world = createWorld({ start: false, seed });
  const { clock, kube, github } = world;
  kube.applyManifests(leaseRole);
  const token = kube.tokenFor({ namespace: "default", name: "runlet-reconciler" }, 86_400_000);
  const effects: Effect[] = [];
  const events: { by: string; atMs: number; event: string }[] = [];

  function start(by: string) {
    const reach: Fetch = (url, init) => {
      const { method = "GET" } = init ?? {};
      const { hostname, pathname } = new URL(url);
      const ofCluster = hostname === "kube.test";
      const isLease = pathname.includes("/leases");
      if (method !== "GET" && !isLease)
        effects.push({ by, atMs: clock.nowMs(), what: `${method} ${pathname}` });
      return ofCluster ? kube.fetch(url, init) : github.fetch(url, init);
    };
    const write = (line: string) => {
      const { event } = JSON.parse(line) as { event: string };
      events.push({ by, atMs: clock.nowMs(), event });
    };
    const log = createLog({ write, wallMs: () => clock.wallMs() });
    const strikes: { strike: (what: string) => void } = { strike: () => {} };
    const life = createLifeline({ clock, log, fetch: reach }, ({ phase, what }) => {
      if (phase === "before") strikes.strike(what);
    });
    const { ports } = life;
    const random = createSeededRandom(seed + by.length);
    const access = {
      server: "https://kube.test",
      token: async () => token,
      fetch: ports.fetch,
    };
    const client = createKubernetesClient({
      access,
      clock: ports.clock,
      userAgent: by,
      limitMs: 10_000,
    });
    const election = createElection(
      { ...ports, client },
      { lease: { namespace: "default", name: "runlet" }, identity: by },
    );
    const stop = new AbortController();
    const ended = election.run(stop.signal, (term) =>
      composeReconciler({
        ...ports,
        random,
        access: { ...access, fetch: term.guard(access.fetch) },
        fetchFor: () => term.guard(ports.fetch),
      }).run(term.stop),
    );
    const end = () => stop.abort(new Error("SIGTERM"));
    return Object.assign(strikes, { by, life, election, ended, stop: end });
  }

  /** Two replicas, the first of which leads and has three runners running. */
  async function startTwo() {
    const [first, second] = [start("first"), start("second-one")];
    await clock.runUntil(() => first.election.isLeader(), 2_000, "a leader");
    await world.serve("builders", "  maxRunners: 20");
    await world.order("builders", 3, 1);
    await clock.runUntil(() => running() === 3, 20_000, "three runners");
    return { first, second };
  }
  const running = () => world.runners().filter(({ status }) => status?.phase === "Running").length;
  const of = (by: string) => effects.filter((one) => one.by === by);
  return { ...world, effects, events, of, start, startTwo, running };
}

/** From the last sign of the old leader to the first deed of the new one. */
const handOverMs = 15_000;

describe.each([1, 2, 3, 4, 5])("two replicas, seed %i", (seed) => {
  it("act one at a time, and the other touches nothing", async () => {
    const world = createElectedWorld(seed);
    const { first, second } = await world.startTwo();
    await world.clock.runFor(60_000);
    expect(world.of("second-one")).toEqual([]);
    expect([first, second].map(({ election }) => election.isLeader())).toEqual([true, false]);
  });

  it("change over in under 15 s when the leader is killed in the middle of its work", async () => {
    const world = createElectedWorld(seed);
    const { first, second } = await world.startTwo();
    const random = createSeededRandom(seed);
    await world.clock.runFor(random.int(5_000));
    await world.order("builders", 12, 2);
    await world.clock.runFor(random.int(400));
    first.life.kill();
    const killedAt = world.clock.nowMs();
    await world.clock.runUntil(() => second.election.isLeader(), handOverMs, "a successor");
    await world.clock.runUntil(() => world.running() === 12, 20_000, "the rest of the runners");
    expect(first.life.afterDeath).toEqual([]);
    expect((world.of("second-one")[0]?.atMs ?? Infinity) - killedAt).toBeLessThan(handOverMs);
    await world.deleteSet("builders");
    await world.clock.runUntil(() => world.autoscaling().length === 0, 60_000, "the set to go");
    await world.clock.runFor(1_000);
    expect(world.leftovers()).toEqual(nothing);
  });

  it("never act both when the leader is frozen and woken", async () => {
    const world = createElectedWorld(seed);
    const { first, second } = await world.startTwo();
    const random = createSeededRandom(seed);
    await world.order("builders", 12, 2);
    await world.clock.runFor(random.int(300));
    first.life.freeze();
    const frozenAt = world.clock.nowMs();
    await world.clock.runUntil(() => second.election.isLeader(), handOverMs, "a successor");
    await world.clock.runUntil(() => world.running() === 12, 20_000, "the rest of the runners");
    first.life.thaw();
    await world.clock.runFor(30_000);
    expect([first, second].map(({ election }) => election.isLeader())).toEqual([false, true]);
    expect(world.of("first").filter(({ atMs }) => atMs > frozenAt)).toEqual([]);
    expect(world.runners()).toHaveLength(12);
    expect(world.github.control.runners()).toHaveLength(12);
  });

  it("send nothing late when the leader is frozen with a write in its hand", async () => {
    const world = createElectedWorld(seed);
    const { first, second } = await world.startTwo();
    await world.order("builders", 12, 2);
    const at = createSeededRandom(seed).int(40);
    let [writes, frozenAt] = [0, Infinity];
    first.strike = (what) => {
      if (frozenAt < Infinity || !/(POST|PATCH|DELETE)/.test(what) || writes++ < at) return;
      first.life.freeze();
      frozenAt = world.clock.nowMs();
    };
    await world.clock.runUntil(() => second.election.isLeader(), 20_000, "a successor");
    await world.clock.runUntil(() => world.running() === 12, 20_000, "the rest of the runners");
    first.life.thaw();
    await world.clock.runFor(30_000);
    expect(world.of("first").filter(({ atMs }) => atMs > frozenAt)).toEqual([]);
    expect(world.runners()).toHaveLength(12);
  });

  it("change over at once when the leader is told to stop", async () => {
    const world = createElectedWorld(seed);
    const { first, second } = await world.startTwo();
    await world.order("builders", 12, 2);
    await world.clock.runFor(50);
    first.stop();
    const stoppedAt = world.clock.nowMs();
    await world.clock.runUntil(() => second.election.isLeader(), 2_500, "a successor");
    await first.ended;
    const last = Math.max(...world.of("first").map(({ atMs }) => atMs));
    expect(world.of("second-one").every(({ atMs }) => atMs >= last)).toBe(true);
    await world.clock.runUntil(() => world.running() === 12, 20_000, "the rest of the runners");
    expect(world.of("second-one")[0]?.atMs ?? Infinity).toBeLessThan(stoppedAt + 2_500);
  });

  it("stop acting, also at the service, while the cluster cannot be reached, and go on by themselves", async () => {
    const world = createElectedWorld(seed);
    await world.startTwo();
    const awayAt = world.clock.nowMs();
    const user = "system:serviceaccount:default:runlet-reconciler";
    world.kube.setFaults([{ user, effect: { kind: "unreachable" } }]);
    await world.clock.runFor(60_000);
    world.kube.setFaults([]);
    const backAt = world.clock.nowMs();
    const late = world.effects.filter(({ atMs }) => atMs > awayAt + 10_000 && atMs < backAt);
    expect(late).toEqual([]);
    await world.order("builders", 6, 2);
    await world.clock.runUntil(() => world.running() === 6, 15_000, "work to go on");
    expect(world.events.filter(({ event }) => event === "leader_lost")).toHaveLength(1);
  });
});
