import { UsageError } from "@runlet/runtime/flags";
import { afterEach, describe, expect, it, vi } from "vitest";
import { readPlayFlags } from "./play-flags.ts";

afterEach(() => vi.unstubAllEnvs());

/** As npm 11 runs a script whose flags were given without `--`. */
function ranByNpm(script: string, settings: Record<string, string>) {
  vi.stubEnv("npm_lifecycle_event", script);
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(`npm_config_${name}`, value);
}

describe("flags that npm has kept for itself", () => {
  it.each<["demo" | "start", Record<string, string>, string[], string]>([
    ["demo", { faults: "true" }, [], "kept --faults for itself: .* npm run demo -- --faults$"],
    ["demo", { seed: "true", faults: "true" }, ["2"], "npm run demo -- --seed 2 --faults$"],
    ["demo", { seed: "2" }, [], "npm run demo -- --seed 2$"],
    ["demo", { seed: "true", jobs: "true" }, ["2", "3"], "-- --seed VALUE --jobs VALUE$"],
    [
      "start",
      { webhook_port: "8080", json: "true" },
      [],
      "npm start -- --json --webhook-port 8080$",
    ],
  ])("are named, with what to type: npm run %s with %o", (command, settings, args, says) => {
    ranByNpm(command, settings);
    const read = () => readPlayFlags(args, command, 1);
    expect(read).toThrow(UsageError);
    expect(read).toThrow(new RegExp(says));
  });

  it("are none where npm was given another command's, or the flag is off", () => {
    ranByNpm("test", { faults: "true" });
    expect(readPlayFlags([], "demo", 1).faults).toBe(false);
    ranByNpm("demo", { faults: "" });
    expect(readPlayFlags(["--faults"], "demo", 1).faults).toBe(true);
  });

  it("are thought of when a value stands alone", () => {
    expect(() => readPlayFlags(["2"], "demo", 1)).toThrow(
      /^Unexpected argument '2'.* npm run demo -- …$/,
    );
  });
});
