// Why: list, watch and the answers to our own writes reach the cache out of step. Whatever the order, it
// must end as the server is, and never hold what no event will ever remove.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { KubernetesObject } from "./client.ts";
import { createObjectCache, type ObjectChange } from "./object-cache.ts";

function object(name: string, uid: string, version: number): KubernetesObject {
  return { metadata: { name, namespace: "a", uid, resourceVersion: String(version) } };
}
const key = { namespace: "a", name: "r" };

function filled(...objects: KubernetesObject[]) {
  const cache = createObjectCache<KubernetesObject>();
  cache.beginList();
  cache.replace(objects, "10");
  return cache;
}

test("the answer to a write is taken at once and its watch event changes nothing more", () => {
  const cache = filled(object("r", "u", 5));
  expect(cache.note(object("r", "u", 12))).toHaveLength(1);
  expect(cache.event("MODIFIED", object("r", "u", 12))).toEqual([]);
  expect(cache.find(key)?.metadata.resourceVersion).toBe("12");
});

test("an answer that the watch has overtaken is ignored", () => {
  const cache = filled(object("r", "u", 5));
  cache.event("MODIFIED", object("r", "u", 13));
  expect(cache.note(object("r", "u", 12))).toEqual([]);
  expect(cache.event("MODIFIED", object("r", "u", 12))).toEqual([]);
  expect(cache.find(key)?.metadata.resourceVersion).toBe("13");
});

test("versions are compared as numbers of any length, not as text", () => {
  const cache = filled(object("r", "u", 9));
  expect(cache.note(object("r", "u", 11))).toHaveLength(1);
  const big = {
    metadata: { ...object("r", "u", 0).metadata, resourceVersion: "9007199254740993" },
  };
  const bigger = {
    metadata: { ...object("r", "u", 0).metadata, resourceVersion: "9007199254740994" },
  };
  cache.note(bigger);
  expect(cache.note(big)).toEqual([]);
});

test("a late answer does not bring back what the watch has seen deleted", () => {
  const cache = filled(object("r", "u", 5));
  cache.event("DELETED", object("r", "u", 14));
  expect(cache.note(object("r", "u", 12))).toEqual([]);
  expect(cache.find(key)).toBeUndefined();
});

test("an object made again under its name is first gone, then there, for who listens", () => {
  const cache = filled(object("r", "old", 5));
  const changes = cache.note(object("r", "new", 20));
  expect(changes.map((change) => [change.type, change.object.metadata.uid])).toEqual([
    ["gone", "old"],
    ["set", "new"],
  ]);
  expect(cache.event("DELETED", object("r", "old", 19))).toEqual([]);
  expect(cache.find(key)?.metadata.uid).toBe("new");
});

test("a list speaks for everything that is not newer than it", () => {
  const cache = filled(object("a", "a", 1), object("b", "b", 2), object("c", "c", 3));
  cache.beginList();
  cache.note(object("d", "d", 31));
  cache.note(object("c", "c", 32));
  const changes = cache.replace([object("a", "a", 1), object("c", "c", 3)], "30");
  expect(changes.map((change) => [change.type, change.object.metadata.name])).toEqual([
    ["gone", "b"],
  ]);
  const versions = cache.all().map((one) => [one.metadata.name, one.metadata.resourceVersion]);
  expect(Object.fromEntries(versions)).toEqual({ a: "1", c: "32", d: "31" });
});

test("a cluster restored from a backup is believed, though its numbers are smaller (F55)", () => {
  const cache = filled(object("r", "u", 900), object("s", "s", 901));
  cache.beginList();
  cache.replace([object("r", "u", 40)], "50");
  expect(cache.all().map((one) => one.metadata.resourceVersion)).toEqual(["40"]);
  expect(cache.resourceVersion()).toBe("50");
});

test("managed fields are not kept", () => {
  const cache = createObjectCache<KubernetesObject>();
  const metadata = { ...object("r", "u", 11).metadata, managedFields: [{ manager: "kubectl" }] };
  cache.beginList();
  cache.replace([{ metadata }], "11");
  expect(cache.find(key)?.metadata).not.toHaveProperty("managedFields");
});

test("versions that are no numbers are taken in the order they come", () => {
  const cache = filled();
  const opaque = (version: string) => ({
    metadata: { ...object("r", "u", 0).metadata, resourceVersion: version },
  });
  cache.event("ADDED", opaque("abc"));
  cache.event("MODIFIED", opaque("abb"));
  expect(cache.find(key)?.metadata.resourceVersion).toBe("abb");
});

/** One step of a server's history, seen by a watch in order and by our writes' answers at any time later. */
interface Happening {
  type: "ADDED" | "MODIFIED" | "DELETED";
  object: KubernetesObject;
  /** Steps of the watch after which the answer to this write (if it was ours) arrives; -1: not ours. */
  answerAfter: number;
}

/** A history of a few names that are made, changed, deleted and made again. */
function history(seeds: { name: number; remove: boolean; lag: number }[]): Happening[] {
  const live = new Map<string, string>();
  return seeds.map(({ name, remove, lag }, index) => {
    const at = `n${name}`;
    const uid = live.get(at);
    const version = 11 + index;
    if (uid === undefined) {
      live.set(at, `uid-${version}`);
      return { type: "ADDED", object: object(at, `uid-${version}`, version), answerAfter: lag };
    }
    if (remove) live.delete(at);
    // The answer to a DELETE is no object to note.
    const type = remove ? "DELETED" : "MODIFIED";
    return { type, object: object(at, uid, version), answerAfter: remove ? -1 : lag };
  });
}

test("in every order of watch and answers the cache ends as the server is, and listeners agree", () => {
  const step = fc.record({
    name: fc.nat(2),
    remove: fc.boolean(),
    lag: fc.integer({ min: -6, max: 8 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (seeds) => {
      const happenings = history(seeds);
      const cache = filled();
      const heard = new Map<string, KubernetesObject>();
      const hear = (changes: ObjectChange<KubernetesObject>[]) => {
        for (const { type, object: one } of changes)
          if (type === "set") heard.set(one.metadata.name, one);
          else {
            expect(heard.get(one.metadata.name)?.metadata.uid).toBe(one.metadata.uid);
            heard.delete(one.metadata.name);
          }
      };
      // Negative lags: the answer overtakes the watch by that many steps.
      const due = new Map<number, KubernetesObject[]>();
      happenings.forEach(({ object: one, answerAfter }, index) => {
        if (answerAfter === -1) return;
        const at = Math.max(0, index + answerAfter);
        due.set(at, [...(due.get(at) ?? []), one]);
      });
      for (let at = 0; at < happenings.length + 10; at++) {
        for (const answer of due.get(at) ?? []) hear(cache.note(answer));
        const happening = happenings[at];
        if (happening) hear(cache.event(happening.type, happening.object));
      }
      const server = new Map<string, string>();
      for (const { type, object: one } of happenings)
        if (type === "DELETED") server.delete(one.metadata.name);
        else server.set(one.metadata.name, one.metadata.resourceVersion ?? "");
      const versions = (objects: Iterable<KubernetesObject>) =>
        new Map([...objects].map((one) => [one.metadata.name, one.metadata.resourceVersion]));
      expect(versions(cache.all())).toEqual(server);
      expect(versions(heard.values())).toEqual(server);
    }),
    { seed: 20261124, numRuns: 500 },
  );
});
