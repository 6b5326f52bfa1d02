import { expect, it } from "vitest";
import { parseScaleSetKey, scaleSetKey, scaleSetNameKey } from "./scale-set-identity.ts";

it("a key is scope and id, whatever the case of the scope", () => {
  expect(scaleSetKey("GitHub.com/My-Org", 7)).toBe("github.com/my-org:7");
  expect(parseScaleSetKey("ghes.corp:8443/org/repo:12")).toEqual({
    scopeKey: "ghes.corp:8443/org/repo",
    scaleSetId: 12,
  });
  expect(parseScaleSetKey("github.com/my-org")).toBeUndefined();
});

it("a name is found in its group of its scope only, ignoring case", () => {
  const set = { scopeKey: "github.com/org", runnerGroup: "Default", name: "Linux" };
  expect(scaleSetNameKey({ ...set, name: "linux" })).toBe(scaleSetNameKey(set));
  expect(scaleSetNameKey({ ...set, runnerGroup: "gpu" })).not.toBe(scaleSetNameKey(set));
  expect(scaleSetNameKey({ ...set, scopeKey: "github.com/org/repo" })).not.toBe(
    scaleSetNameKey(set),
  );
});
