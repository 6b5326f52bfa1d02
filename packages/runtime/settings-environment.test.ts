import { expect, test } from "vitest";
import {
  inheritedEnvironment,
  isPlainTerminal,
  readHome,
  readLocalConfigPath,
  readRuntimeEnvironment,
} from "./settings-environment.ts";

test("a missing variable is named", () => {
  expect(() => readRuntimeEnvironment({ _HANDLER: "poller" })).toThrow("AWS_LAMBDA_RUNTIME_API");
  expect(() => readLocalConfigPath({ RUNLET_LOCAL_CONFIG: "" })).toThrow("RUNLET_LOCAL_CONFIG");
  const env = { AWS_LAMBDA_RUNTIME_API: "127.0.0.1:9001", _HANDLER: "poller" };
  expect(readRuntimeEnvironment(env)).toMatchObject({ api: "127.0.0.1:9001", handler: "poller" });
});

test("state lives in RUNLET_HOME, else in .runlet", () => {
  expect([readHome({ RUNLET_HOME: "/srv/state" }), readHome({})]).toEqual([
    "/srv/state",
    ".runlet",
  ]);
});

test("a child inherits what finds programs, and no secret", () => {
  const env = { PATH: "/bin", GITHUB_TOKEN: "canary", AWS_SECRET_ACCESS_KEY: "canary" };
  expect(inheritedEnvironment(env)).toEqual({ PATH: "/bin" });
});

test("CI, NO_COLOR and a dumb terminal get plain output", () => {
  for (const env of [{ CI: "true" }, { NO_COLOR: "1" }, { TERM: "dumb" }]) {
    expect(isPlainTerminal(env)).toBe(true);
  }
  expect(isPlainTerminal({ TERM: "xterm" })).toBe(false);
});
