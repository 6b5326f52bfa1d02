import { expect, it } from "vitest";
import { describeForgotten } from "./describe-forgotten.ts";

it("a registered cluster without a kubeconfig is named, with what to do; the others are not", () => {
  expect(describeForgotten(["east"], ["east", "new"], "state.sqlite")).toEqual([]);
  const lines = describeForgotten(["east", "west"], ["east"], "state.sqlite");
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/cluster west is registered.*--kubeconfig west=FILE/);
  expect(lines[0]).toContain("npx runlet cluster remove west --now --state state.sqlite");
});
