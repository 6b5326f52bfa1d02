import { describe, expect, it } from "vitest";
import { decideHealth, type HealthFacts, type TargetFacts } from "./decide-health.ts";

const target: TargetFacts = {
  cluster: "east",
  silent: undefined,
  ailing: undefined,
  draining: false,
  foreign: undefined,
  owed: false,
  unacted: 0,
  desired: 2,
  actual: 2,
};
const good: HealthFacts = {
  scopeUrl: "https://github.com/acme",
  credential: "found",
  shard: "shard-0",
  stopped: undefined,
  holder: "alive",
  listed: true,
  hasSession: true,
  assigned: 2,
  lastNewsMs: 20_000,
  targets: [target],
};

describe("the word for a scale set's health", () => {
  it.each<[string, string, Partial<HealthFacts>]>([
    ["served", "2 jobs", {}],
    ["no-credential", "https://github.com/acme: runlet github add", { credential: "missing" }],
    ["no-credential", "runlet github check", { credential: "unreadable" }],
    ["credential-refused", "runlet github check https://github", { credential: "rejected" }],
    ["credential-refused", "have an owner install it", { credential: "uninstalled" }],
    ["credential-refused", "an owner has suspended the App", { credential: "suspended" }],
    ["degraded", "GitHub does not answer from here", { credential: "unasked" }],
    ["unserved", "nobody has served it yet", { holder: "none" }],
    ["unserved", "its lease has run out", { holder: "silent" }],
    ["unserved", "the next one is awaited", { holder: "released" }],
    ["unserved", "does not list this set", { listed: false }],
    ["unserved", "start it with x", { holder: "none", stopped: "start it with x" }],
    ["unserved", "start it with x", { holder: "silent", stopped: "start it with x" }],
    ["unserved", "start it with x", { holder: "released", stopped: "start it with x" }],
    ["unserved", "start it with x", { holder: "resting", stopped: "start it with x" }],
    ["served", "2 jobs", { stopped: "start it with x" }],
    ["resting", "quiet", { holder: "resting", hasSession: false }],
    ["no-session", "another installation may hold it", { hasSession: false }],
    ["foreign", "runlet cluster adopt", { targets: [target, { ...target, foreign: "f00" }] }],
    [
      "foreign",
      "by installation f00",
      { hasSession: false, targets: [{ ...target, foreign: "f00" }] },
    ],
    ["degraded", "it is away", { targets: [{ ...target, silent: "it is away" }] }],
    [
      "degraded",
      "east: RunnersFailed: x",
      { targets: [{ ...target, ailing: "RunnersFailed: x" }] },
    ],
    ["degraded", "has not taken its last order", { targets: [{ ...target, owed: true }] }],
    ["degraded", "acted on the last 1 order: is", { targets: [{ ...target, unacted: 1 }] }],
    [
      "degraded",
      "acted on the last 3 orders",
      { targets: [{ ...target, unacted: 3 }], lastNewsMs: 9 },
    ],
    ["served", "2 jobs", { targets: [{ ...target, unacted: 1 }], lastNewsMs: 2_000 }],
    ["draining", "is being removed", { targets: [{ ...target, draining: true }] }],
    ["scaling", "1 of 2 runners", { targets: [{ ...target, actual: 1 }] }],
    ["scaling", "has 3 runners and needs 2: the", { targets: [{ ...target, actual: 3 }] }],
    ["served", "2 jobs", { targets: [{ ...target, actual: undefined }] }],
  ])("is %s, with the reason: %s", (word, reason, change) => {
    expect(decideHealth({ ...good, ...change })).toEqual({
      word,
      reason: expect.stringContaining(reason),
    });
  });

  it("names what must be mended first", () => {
    const targets = [{ ...target, silent: "refused", owed: true }];
    const all = { ...good, holder: "silent", targets } as const;
    expect(decideHealth({ ...all, credential: "missing" }).word).toBe("no-credential");
    expect(decideHealth(all).word).toBe("unserved");
  });
});
