import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { claimFolder } from "../local/claim-folder.ts";
import { findDeployment, findState } from "./find-state.ts";

const releases: (() => void)[] = [];
afterEach(() => releases.splice(0).forEach((release) => release()));

/** A `.runlet` with these files, each in its folder. */
function homeWith(...files: string[]) {
  const home = mkdtempSync(join(tmpdir(), "runlet-find-"));
  for (const file of files) {
    mkdirSync(dirname(join(home, file)), { recursive: true });
    writeFileSync(join(home, file), "");
  }
  return home;
}

const claim = (home: string, name: string) => releases.push(claimFolder(join(home, name)));

const started = "start/state.sqlite";
const local = "local/state.sqlite";

describe("the state that is asked without a flag", () => {
  it("is that of the npm start that runs", () => {
    const home = homeWith("world.json", started, local);
    claim(home, "start");
    expect(findState(home, undefined, false)).toBe(join(home, started));
  });

  it("is never that of an npm start that was killed: beside a runlet local it is the latter's", () => {
    const home = homeWith("world.json", started, "start/lock", "start/pid", local);
    expect(findState(home, undefined, false)).toBe(join(home, local));
    claim(home, "local");
    expect(findState(home, undefined, false)).toBe(join(home, local));
  });

  it("is none after an npm start that was killed, and the error says what to type", () => {
    const home = homeWith("world.json", started, "start/lock");
    expect(() => findState(home, undefined, false)).toThrow(/nothing runs here.* npm start begins/);
    expect(findState(home, join(home, started), false)).toBe(join(home, started));
  });
});

describe("a deployment on this machine", () => {
  /** As the command writes it before it starts a function. */
  function withConfig(profile: "cloud" | "demo", folder: string, stateFile: string) {
    const config = { profile, stateFile, keyFile: "k", invokeUrl: "http://x", clusters: [] };
    const text = JSON.stringify({ ...config, github: [], webhookSecretFiles: [] });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "config.json"), text);
  }

  it.each([
    ["local", "cloud", "start it with npx runlet local"],
    ["start", "demo", "npm start begins a new one"],
  ] as const)(
    "in %s is known to be stopped until its folder is claimed",
    (name, profile, words) => {
      const home = homeWith();
      const stateFile = join(home, "elsewhere.sqlite");
      withConfig(profile, join(home, name), stateFile);
      const found = findDeployment(home, stateFile);
      expect(found.config?.profile).toBe(profile);
      expect(found.stopped).toContain(words);
      claim(home, name);
      expect(findDeployment(home, stateFile).stopped).toBeUndefined();
    },
  );

  it("is not called stopped where a state file is not known to be this folder's", () => {
    const home = homeWith("other.sqlite");
    const nothing = { config: undefined, stopped: undefined };
    expect(findDeployment(home, join(home, "other.sqlite"))).toEqual(nothing);
  });
});
