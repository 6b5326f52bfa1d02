import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ApiObject } from "./api-object.ts";
import { createStore, type StoreEvent } from "./store.ts";

const object = (name: string, value = 0): ApiObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  value,
});

describe("the store", () => {
  it("numbers every write, also across collections", () => {
    const store = createStore({ historyEvents: 10 });
    const a = store.put("one", "a", object("a"));
    const b = store.put("two", "b", object("b"));
    const gone = store.remove("one", "a");
    expect([a, b, gone].map((written) => written?.metadata.resourceVersion)).toEqual([
      "1",
      "2",
      "3",
    ]);
    expect(store.revision()).toBe(3);
  });

  it("has nothing to remove twice", () => {
    const store = createStore({ historyEvents: 10 });
    store.put("one", "a", object("a"));
    store.remove("one", "a");
    expect(store.remove("one", "a")).toBeUndefined();
    expect(store.revision()).toBe(2);
  });

  it("forgets the oldest events only, and says so", () => {
    const store = createStore({ historyEvents: 4 });
    for (let i = 0; i < 20; i++) store.put("one", "a", object("a", i));
    const forgotten = store.forgottenTo();
    expect(forgotten).toBeGreaterThan(0);
    expect(store.eventsAfter("one", forgotten)).toHaveLength(20 - forgotten);
    expect(store.eventsAfter("one", forgotten - 1)).toBeUndefined();
    expect(store.listAt("one", forgotten - 1)).toBeUndefined();
    store.compact();
    expect(store.forgottenTo()).toBe(20);
    expect(store.eventsAfter("one", 20)).toEqual([]);
  });

  it("shows any kept moment exactly as it was, and replays to the present from it", () => {
    const write = fc.record({
      key: fc.constantFrom("a", "b", "c"),
      collection: fc.constantFrom("one", "two"),
      remove: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(write, { maxLength: 40 }), (writes) => {
        const store = createStore({ historyEvents: 1000 });
        const seen: ApiObject[][] = [store.list("one")];
        for (const [index, { key, collection, remove }] of writes.entries()) {
          const before = store.revision();
          if (remove) store.remove(collection, key);
          else store.put(collection, key, object(key, index));
          if (store.revision() > before) seen.push(store.list("one"));
        }
        for (const [revision, then] of seen.entries()) {
          expect(store.listAt("one", revision)).toEqual(then);
          expect(replay(then, store.eventsAfter("one", revision) ?? [])).toEqual(store.list("one"));
        }
      }),
    );
  });

  it("tells listeners of every write, in order, until they leave", () => {
    const store = createStore({ historyEvents: 10 });
    const heard: string[] = [];
    const leave = store.subscribe((event) => void heard.push(`${event.type} ${event.revision}`));
    store.put("one", "a", object("a"));
    store.put("one", "a", object("a", 1));
    store.remove("one", "a");
    leave();
    store.put("one", "a", object("a", 2));
    expect(heard).toEqual(["ADDED 1", "MODIFIED 2", "DELETED 3"]);
  });
});

/** What a client holds that took `start` and then every event. */
function replay(start: ApiObject[], events: StoreEvent[]): ApiObject[] {
  const held = new Map(start.map((item) => [item.metadata.name, item]));
  for (const event of events) {
    if (event.type === "DELETED") held.delete(event.key);
    else held.set(event.key, event.object);
  }
  return [...held.values()].toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}
