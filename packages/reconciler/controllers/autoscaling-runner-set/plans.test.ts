import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { annotations, type EphemeralRunnerSet } from "@runlet/kubernetes/resources";
import { findFreed, planClaim, type Claim } from "./plan-claim.ts";
import { planKept } from "./plan-finalize.ts";
import { planEdit } from "./runner-set.ts";

const claim: fc.Arbitrary<Claim> = fc
  .record({
    key: fc.string(),
    findKey: fc.constantFrom("a", "b"),
    isShared: fc.boolean(),
    createdAtMs: fc.nat(3),
    uid: fc.uuid(),
  })
  .map((one) => ({ ...one, heldKey: one.findKey }));

describe("who may have a scale set", () => {
  it("of any number of rivals at least one is served, and all that are served agree to share", () => {
    fc.assert(
      fc.property(fc.uniqueArray(claim, { minLength: 1, selector: ({ uid }) => uid }), (claims) => {
        const served = claims.filter((one) => planClaim(one, claims, false) === undefined);
        for (const findKey of new Set(claims.map((one) => one.findKey))) {
          const ours = served.filter((one) => one.findKey === findKey);
          expect(ours.length).toBeGreaterThan(0);
          if (ours.length > 1) expect(ours.every(({ isShared }) => isShared)).toBe(true);
        }
      }),
    );
  });

  it("nobody is served as long as an older one still has his name at the service", () => {
    const later: Claim = {
      key: "runners/later",
      findKey: "a",
      heldKey: "a",
      isShared: false,
      createdAtMs: 1,
      uid: "later",
    };
    const renamed = { ...later, uid: "first", createdAtMs: 0, findKey: "b" };
    expect(planClaim(later, [later, renamed], false)?.reason).toBe("DuplicateScaleSet");
    const confirmed = { ...renamed, heldKey: "b" };
    expect(planClaim(later, [later, confirmed], false)).toBeUndefined();
    expect(findFreed(renamed, confirmed, [later, confirmed])).toEqual([later]);
    expect(findFreed(confirmed, confirmed, [later, confirmed])).toEqual([]);
  });

  it("nobody is served whom a listener of ARC serves", () => {
    fc.assert(
      fc.property(claim, (one) => {
        expect(planClaim(one, [one], true)?.reason).toBe("ServedByARC");
      }),
    );
  });
});

describe("who deletes the scale set", () => {
  const unshared = { isShared: false, isFound: false, noted: undefined };
  const shared = { isShared: true, isFound: false, noted: undefined };

  it("an unshared one its reconciler, whatever the fence", () => {
    for (const fence of [undefined, "0", "a:1"])
      expect(planKept({ ...unshared, fence })).toBe(false);
  });
  it("one that was found at the service only if it was served from here", () => {
    const found = { ...unshared, isFound: true };
    expect(planKept({ ...found, fence: "0" })).toBe(true);
    expect(planKept({ ...found, fence: undefined })).toBe(true);
    expect(planKept({ ...found, fence: "a:1" })).toBe(false);
    expect(planKept({ ...found, noted: "false", fence: undefined })).toBe(false);
  });
  it("a shared one only if nobody ever served it, as decided before its runner set went", () => {
    expect(planKept({ ...shared, fence: "0" })).toBe(false);
    expect(planKept({ ...shared, fence: "a:1" })).toBe(true);
    expect(planKept({ ...shared, fence: undefined })).toBe(true);
    expect(planKept({ ...shared, noted: "false", fence: undefined })).toBe(false);
    expect(planKept({ ...shared, noted: "true", fence: "0" })).toBe(true);
  });
});

describe("editing a runner set", () => {
  const set = (metadata: Partial<EphemeralRunnerSet["metadata"]>): EphemeralRunnerSet => ({
    metadata: { name: "x", ...metadata },
    spec: { patchID: 3, replicas: 2 },
  });
  const hash = annotations.integrityHash;
  const fence = { [annotations.fence]: "a:7" };

  it("writes nothing when only others' labels, annotations and the poller's pair differ", () => {
    const there = set({
      labels: { a: "1", foreign: "x" },
      annotations: { [hash]: "h", other: "y", ...fence },
    });
    const desired = set({ labels: { a: "1" }, annotations: { [hash]: "h" } });
    expect(planEdit(there, desired)).toEqual([]);
  });

  it("never touches replicas, patchID or a fence that is there", () => {
    const there = set({ annotations: { [hash]: "old", ...fence } });
    const paths = planEdit(there, set({ annotations: { [hash]: "new" } })).map(({ path }) => path);
    expect(paths).toContain("/spec/ephemeralRunnerSpec");
    expect(paths.filter((path) => /replicas|patchID|fence/.test(path))).toEqual([]);
  });

  it("puts a fence back that was removed", () => {
    const there = set({ annotations: { [hash]: "h" } });
    const operations = planEdit(there, set({ annotations: { [hash]: "h" } }));
    expect(operations).toEqual([
      { op: "add", path: "/metadata/annotations/runlet.dev~1fence", value: "0" },
    ]);
  });
});
