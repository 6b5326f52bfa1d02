import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { annotations } from "@runlet/kubernetes/resources";
import { annotate, judgeFence, testsFor } from "./decide-fence.ts";

const ours = { installation: "here", n: 7 };

describe("a fence that was seen", () => {
  it("lets us write when it is none, ours or smaller, and stops us otherwise", () => {
    for (const seen of [undefined, "0", "nonsense", "here:7", "here:6", "here:0"]) {
      expect(judgeFence(seen, ours), String(seen)).toEqual({ kind: "write" });
    }
    expect(judgeFence("here:8", ours)).toEqual({ kind: "larger", n: 8 });
    expect(judgeFence("there:1", ours)).toEqual({ kind: "foreign", installation: "there" });
  });

  it("of two holders at most one may write without asking further", () => {
    const number = fc.integer({ min: 1, max: 50 });
    fc.assert(
      fc.property(number, number, (a, b) => {
        fc.pre(a !== b);
        const seenByB = judgeFence(`here:${a}`, { installation: "here", n: b }).kind;
        const seenByA = judgeFence(`here:${b}`, { installation: "here", n: a }).kind;
        expect([seenByA, seenByB].filter((kind) => kind === "write").length).toBe(1);
      }),
    );
  });

  it("is tested as it was seen; without one the resource version is", () => {
    const seen = { name: "x", uid: "u", resourceVersion: "5" };
    expect(testsFor(seen)).toContainEqual({
      op: "test",
      path: "/metadata/resourceVersion",
      value: "5",
    });
    const fenced = { ...seen, annotations: { [annotations.fence]: "here:3" } };
    expect(testsFor(fenced)).toEqual([
      { op: "test", path: "/metadata/uid", value: "u" },
      { op: "test", path: "/metadata/annotations/runlet.dev~1fence", value: "here:3" },
    ]);
  });

  it("can be written where there are no annotations yet", () => {
    const operations = annotate({ name: "x" }, { "a/b~c": "1" });
    expect(operations.map(({ path }) => path)).toEqual([
      "/metadata/annotations",
      "/metadata/annotations/a~1b~0c",
    ]);
  });
});
