import { expect, it } from "vitest";
import { describeTimeout } from "./describe-timeout.ts";

const message = "waited 90 s for every job to end";

it("names a machine that is too busy as the likely cause, with the remedy", () => {
  const said = describeTimeout(message, { load: 12.6, cores: 2 });
  expect(said).toContain(`${message}; 13 processes share the 2 cores`);
  expect(said).toContain("try it again");
});

it.each([
  ["idle", 0.3],
  ["busy with the demo itself", 3.9],
  ["of a kind that does not tell", 0],
])("blames no machine that is %s", (_what, load) => {
  expect(describeTimeout(message, { load, cores: 2 })).toBe(message);
});
