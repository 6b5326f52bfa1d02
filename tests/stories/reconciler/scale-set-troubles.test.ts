// The service or the cluster does wrong while a scale set is made, changed and deleted: there is one scale set at any
// time, each step is over in bounded time, and nothing is left. (The server mode does not matter: nobody polls.)
import { describe, expect, it } from "vitest";
import { annotations, autoscalingRunnerSets } from "@runlet/kubernetes/resources";
import type { Fault } from "@runlet/simulators/actions-service/faults";
import type { FaultEffect } from "@runlet/simulators/kube-api/faults";
import {
  createWorld,
  namespace,
  nothing,
  runnerSetManifest,
  type World,
} from "./reconciler-world.ts";

const key = { namespace, name: "builders" };
const routes = [
  "registrationToken",
  "runnerRegistration",
  "runnerGroups",
  "listScaleSets",
  "getScaleSet",
  "createScaleSet",
  "updateScaleSet",
  "deleteScaleSet",
] as const;

/** Made, renamed into another group, deleted; `spoil` is called before each of the three. */
async function playLife(world: World, spoil: () => void, stepMs: number) {
  const scaleSets = () => world.github.control.scaleSets();
  spoil();
  world.kube.applyManifests(runnerSetManifest("builders"));
  const isServed = () => world.runnerSetOf("builders")?.status?.phase === "Running";
  await world.clock.runUntil(isServed, stepMs, "the set to be served");
  const [made] = scaleSets();
  spoil();
  const spec = { runnerScaleSetName: "makers", runnerGroup: "fast" };
  await world.admin.patch(autoscalingRunnerSets, key, { type: "merge", body: { spec } });
  const isChanged = () =>
    world.autoscaling()[0]?.metadata.annotations?.[annotations.runnerScaleSetName] === "makers";
  await world.clock.runUntil(isChanged, stepMs, "the set to be changed");
  expect(scaleSets()).toMatchObject([{ id: made?.id, name: "makers", runnerGroupId: 2 }]);
  spoil();
  await world.deleteSet("builders");
  const isGone = () => world.autoscaling().length === 0;
  await world.clock.runUntil(isGone, stepMs, "the set to be gone");
  expect(scaleSets()).toEqual([]);
  expect(world.leftovers()).toEqual(nothing);
}

const createPlace = () => createWorld({ knobs: { runnerGroups: ["Default", "fast"] } });

describe("a service in trouble, once at each of its routes", () => {
  const ways: readonly (readonly [string, Partial<Fault>])[] = [
    ["429 with Retry-After", { status: 429, retryAfter: "20" }],
    ["500", { status: 500 }],
    ["500 after the deed", { status: 500, afterCommit: true }],
    ["503 with Retry-After", { status: 503, retryAfter: "5" }],
    ["a page instead of JSON", { status: 200, body: "<html>", contentType: "text/html" }],
    ["a broken body, the deed done", { answer: "broken-json" }],
    ["an empty body, the deed done", { answer: "empty-body" }],
    ["a broken connection before the deed", { drop: "before" }],
    ["a broken connection after the deed", { drop: "after" }],
    ["an answer after eight seconds", { delayMs: 8_000 }],
    ["no answer at all", { hang: true }],
  ];
  it.each(ways)("%s: made, changed and gone within two minutes each", async (_what, fault) => {
    const world = createPlace();
    const spoil = () => {
      world.github.control.clearFaults();
      for (const route of routes) world.github.control.addFault({ route, times: 1, ...fault });
    };
    await playLife(world, spoil, 120_000);
  });
});

describe("a cluster that takes no write for a minute", () => {
  const ways: readonly (readonly [string, FaultEffect])[] = [
    [
      "500, its store is full",
      { kind: "status", status: 500, message: "etcdserver: mvcc: no space" },
    ],
    ["429", { kind: "status", status: 429, retryAfterSeconds: 2 }],
    ["403, a right was taken away", { kind: "status", status: 403 }],
    ["409, a conflict each time", { kind: "status", status: 409 }],
    ["done, and the answers lost", { kind: "lost-answer" }],
    ["no answer at all", { kind: "silence" }],
  ];
  it.each(ways)(
    "%s: made, changed and gone within two minutes each, asked at most a hundred times a step",
    async (_what, effect) => {
      const world = createPlace();
      const user = "system:serviceaccount:default:runlet-reconciler";
      const counts: number[] = [];
      const spoil = () => {
        counts.push(world.kube.auditLog().length);
        const faults = ["create", "patch", "delete"].map((verb) => ({ verb, effect, user }));
        world.kube.setFaults(faults);
        world.clock.after(60_000, () => world.kube.setFaults([]));
      };
      await playLife(world, spoil, 120_000);
      for (const [index, count] of [...counts.slice(1), world.kube.auditLog().length].entries()) {
        expect(count - (counts[index] ?? 0)).toBeLessThan(100);
      }
    },
  );
});
