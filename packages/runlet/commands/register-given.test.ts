import { createMemoryTable } from "@runlet/coordination/memory-table";
import { createRegistry } from "@runlet/coordination/registry";
import { createSilentLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { createSystemClock } from "@runlet/runtime/clock";
import { expect, it } from "vitest";
import { registerGiven } from "./register-given.ts";

it("names the clusters of earlier flags that are missing, and none that was registered by command", async () => {
  const base = {
    clock: createSystemClock(),
    random: createSeededRandom(1),
    log: createSilentLog(),
  };
  const registry = createRegistry({ ...base, table: createMemoryTable() });
  const said: string[] = [];
  const start = (...names: string[]) =>
    registerGiven(
      { registry, say: (line) => void said.push(line) },
      { stateFile: "s", clusters: names.map((name) => ({ name, kubeconfig: `${name}.yaml` })) },
    );
  expect(await start("east", "west")).toBe(2);
  await registry.putCluster({ name: "north", accessRef: "secret:clusters/north" }, undefined);
  expect(said).toEqual([]);
  expect(await start("east")).toBe(3);
  expect(said).toEqual([
    expect.stringContaining("cluster west is registered, but no --kubeconfig"),
  ]);
});
