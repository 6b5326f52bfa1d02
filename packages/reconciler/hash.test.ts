import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, contentHash } from "./hash.ts";

describe("content hashes", () => {
  it("do not see key order, nor absent against empty", () => {
    expect(contentHash({ a: 1, b: { c: [1] } })).toBe(contentHash({ b: { c: [1] }, a: 1 }));
    for (const empty of [undefined, null, [], {}, "", { x: [] }]) {
      expect(contentHash({ a: 1, volumes: empty }), JSON.stringify(empty)).toBe(
        contentHash({ a: 1 }),
      );
    }
  });

  it("see every other difference", () => {
    expect(contentHash({ a: [1, 2] })).not.toBe(contentHash({ a: [2, 1] }));
    expect(contentHash({ a: 0 })).not.toBe(contentHash({}));
    expect(contentHash({ a: false })).not.toBe(contentHash({}));
  });

  it("survive a round trip through the API", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const back: unknown = JSON.parse(JSON.stringify(value));
        expect(canonicalJson(back)).toBe(canonicalJson(value));
      }),
    );
  });
});
