import { expect, it } from "vitest";
import { problemsOf, type ClusterCheck } from "./check-cluster.ts";
import { describeCheck } from "./describe-check.ts";

const patch = { verb: "patch", group: "g", resource: "sets" };
const good: ClusterCheck = {
  server: "https://c",
  version: "v1.36.3",
  latencyMs: 7,
  clockSkewMs: 0,
  kinds: [],
  missingKinds: [],
  rights: { asked: 2, granted: [patch, { ...patch, verb: "get" }], lacking: [] },
  managed: ["red"],
  arc: ["blue"],
  runnerSets: { all: 2, ours: 1 },
  reconcilers: ["0.1.0"],
};

it("tells each fact of a cluster that can be served, right by right", () => {
  expect(describeCheck("east", good)).toBe(`server       https://c
version      v1.36.3
latency      7 ms
clock        right to the second
kinds        all served
rights       2 of 2
  may        get, patch sets.g
reconciler   0.1.0
managed      red
ARC serves   blue
runner sets  2, of which 1 are kept by Runlet's reconciler
cluster east can be served`);
});

it.each<[string, Partial<ClusterCheck>, RegExp, RegExp]>([
  [
    "a right that lacks",
    { rights: { asked: 2, granted: [], lacking: [{ ...patch, namespace: "red" }] } },
    /may not {4}patch sets\.g in namespace red/,
    /1 of 2 rights are lacking: runlet cluster grant/,
  ],
  [
    "a kind",
    { missingKinds: ["ephemeralrunnersets"] },
    /missing: ephemeral/,
    /install the .* chart/,
  ],
  ["a clock that is ahead", { clockSkewMs: 90_000 }, /clock +90 s ahead/, /clock is off/],
  ["a clock that is behind", { clockSkewMs: -45_000 }, /clock +45 s behind/, /clock is off/],
  ["no namespace", { managed: [] }, /managed +no namespace/, /kubectl label namespace NAME/],
])("names %s, with the remedy", (_what, change, fact, remedy) => {
  const check = { ...good, ...change };
  expect(problemsOf(check)).toEqual([expect.stringMatching(remedy)]);
  const text = describeCheck("east", check);
  expect(text).toMatch(fact);
  expect(text).toMatch(/^! /m);
  expect(text).not.toContain("can be served");
});

it("takes what it may not see, and a clock a little off, for no problem", () => {
  const unseen = { managed: undefined, arc: undefined, runnerSets: undefined, clockSkewMs: 20_000 };
  expect(problemsOf({ ...good, ...unseen, reconcilers: undefined })).toEqual([]);
  expect(describeCheck("east", { ...good, ...unseen })).toContain("ARC serves   not visible");
});
