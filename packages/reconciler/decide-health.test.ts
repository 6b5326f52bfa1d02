import { describe, expect, it } from "vitest";
import { decideHealth, type HealthFacts, type SeenPlace } from "./decide-health.ts";

const minute = 60_000;
const idle = { name: "runners", waiting: 0, running: 0, succeeded: 0, failed: 0 };

function healthOf(change: Partial<HealthFacts>) {
  return decideHealth({ nowMs: 0, places: [placeOf({})], queues: [], ...change });
}

function placeOf(change: Partial<SeenPlace>): SeenPlace {
  return { namespace: "a", isListed: true, staleSinceMs: undefined, heardAtMs: 0, ...change };
}

describe("the health of a reconciler", () => {
  it("is not ready before its caches are filled, and not stuck either", () => {
    const unready = "the cluster has not been read yet";
    expect(healthOf({ places: undefined })).toEqual({ unready, stuck: undefined });
  });

  it("is ready while it sees the cluster as it is, and for a minute after it does not", () => {
    const places = [placeOf({ namespace: undefined, staleSinceMs: 1, heardAtMs: minute })];
    expect(healthOf({ nowMs: minute, places }).unready).toBeUndefined();
    const unready = "the cluster is not seen as it is";
    expect(healthOf({ nowMs: minute + 1, places })).toEqual({ unready, stuck: undefined });
  });

  it("is not ready before each of the named namespaces was read once, and names those that were not", () => {
    const never = { isListed: false, staleSinceMs: 0 };
    const places = [placeOf({}), placeOf({ namespace: "b", ...never })];
    expect(healthOf({ places }).unready).toMatch(/^never read: namespace b \(/);
    const many = Array.from({ length: 8 }, (_, at) => placeOf({ namespace: `n${at}`, ...never }));
    const words = healthOf({ places: [placeOf({}), ...many] }).unready;
    expect(words).toMatch(/namespace n0, n1, n2, n3, n4 and 3 more \(/);
  });

  it("is ready while it sees one of the named namespaces, once it has read them all", () => {
    const heardAtMs = minute;
    const places = [placeOf({ heardAtMs }), placeOf({ staleSinceMs: 1, heardAtMs })];
    expect(healthOf({ nowMs: 2 * minute, places }).unready).toBeUndefined();
  });

  it("is stuck when a watch has not turned for longer than any watch may be silent", () => {
    const places = [placeOf({})];
    expect(healthOf({ nowMs: 6 * minute, places }).stuck).toBeUndefined();
    expect(healthOf({ nowMs: 7 * minute, places }).stuck).toMatch(/watch/);
  });

  it("is stuck when a pass does not end", () => {
    const nowMs = 11 * minute;
    const places = [placeOf({ heardAtMs: nowMs })];
    const queues = [{ ...idle, oldestStartMs: undefined }];
    expect(healthOf({ nowMs, places, queues }).stuck).toBeUndefined();
    const hanging = [{ ...idle, running: 1, oldestStartMs: 0 }];
    expect(healthOf({ nowMs, places, queues: hanging }).stuck).toBe(
      "a pass of runners does not end",
    );
  });
});
