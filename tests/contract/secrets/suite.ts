// Why: registering a cluster must mean the same on one machine and in the cloud; this suite is what a store of secrets is.
import type { SecretStore } from "@runlet/coordination/secret-store";
import { expect, it } from "vitest";

/** Defines the tests; `create` gives an empty store. */
export function secretStoreSuite(create: () => Promise<SecretStore>): void {
  it("finds what was put, the newest text, and nothing else", async () => {
    const store = await create();
    expect(await store.find("runlet/prod/clusters/east")).toBeUndefined();
    await store.put("runlet/prod/clusters/east", "one");
    await store.put("runlet/prod/clusters/east", "two\nlines");
    expect(await store.find("runlet/prod/clusters/east")).toBe("two\nlines");
    expect(await store.find("runlet/prod/clusters/eas")).toBeUndefined();
  });

  it("lists the names under a prefix, in order, without those beside it", async () => {
    const store = await create();
    expect(await store.list("runlet/prod/")).toEqual([]);
    const names = ["runlet/prod/github/ghes=8443/acme", "runlet/prod/clusters/west", "runlet/p"];
    for (const name of [...names, "runlet/prod/clusters/east"]) await store.put(name, "text");
    expect(await store.list("runlet/prod/clusters/")).toEqual([
      "runlet/prod/clusters/east",
      "runlet/prod/clusters/west",
    ]);
    expect(await store.list("runlet/prod/github/")).toEqual(names.slice(0, 1));
  });

  it("forgets what was removed, twice is harmless, and the name can be used again", async () => {
    const store = await create();
    await store.put("a/b", "one");
    expect(await store.remove("a/b")).toBe("removed");
    expect(await store.find("a/b")).toBeUndefined();
    expect(await store.remove("a/b")).toBe("absent");
    await store.put("a/b", "two");
    expect(await store.find("a/b")).toBe("two");
    expect(await store.remove("a/c")).toBe("absent");
  });
}
