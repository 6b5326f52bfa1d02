// A function whose process cannot even put itself together must not be started over and over.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LocalConfig } from "@runlet/runlet/local/config";
import { startDeployment } from "@runlet/runlet/local/deployment";
import { localEnvironment } from "@runlet/runlet/local/local-environment";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";
import { createLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { cloudSettings } from "@runlet/runtime/settings";
import { expect, it } from "vitest";

it(
  "a state file that is no database costs one failed poller a wake",
  { timeout: 60_000 },
  async () => {
    const home = mkdtempSync(join(tmpdir(), "runlet-broken-"));
    const stateFile = join(home, "state.sqlite");
    writeFileSync(stateFile, "this is no database".repeat(300));
    const clock = createSystemClock();
    const failed: unknown[] = [];
    const sweepFailed = Promise.withResolvers<void>();
    const write = (line: string) => {
      const { event, function: name } = JSON.parse(line) as Record<string, unknown>;
      if (event !== "invocation_failed") return;
      failed.push(name);
      if (name === "sweep") sweepFailed.resolve();
    };
    const log = createLog({ write, wallMs: () => clock.wallMs() });
    const config: Omit<LocalConfig, "invokeUrl"> = {
      profile: "cloud",
      stateFile,
      keyFile: join(home, "key"),
      clusters: [],
      github: [],
      webhookSecretFiles: [],
      logLevel: "info",
    };
    const deployment = await startDeployment(
      { clock, random: createSystemRandom(), log, fetch: createHttpFetch({ clock }) },
      {
        environment: localEnvironment(config, home),
        settings: cloudSettings,
        webhookPort: 0,
        onLine: () => {},
      },
    );
    try {
      await deployment.host.invokeAsync("poller", '{"shard":"shard-0","reason":"webhook"}');
      // The sweep was told of the poller's failure, and cannot start anybody either.
      await sweepFailed.promise;
      const idle = () =>
        deployment.host.containers().every(({ busyWith }) => busyWith === undefined);
      while (!idle()) await clock.sleep(20);
      expect(failed).toEqual(["poller", "sweep"]);
    } finally {
      await deployment.stop();
    }
  },
);
