// Why: what is asked at a terminal beside a running world is tested beside one: `npm start` as a program of its own.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { follow, root, type Ended } from "./run-program.ts";

export interface StartedWorld {
  /** Of the Actions Service, with the organisation in its path. */
  service: string;
  token: string;
  /** The service's control API: `…/_control`. */
  control: string;
  /** Ends it as a service manager does, and says how it ended. */
  stop(): Promise<Ended>;
}

/** One scale set, `linux`, on one cluster; ended by `killPrograms`. Resolves when it is ready. */
export async function startWorld(home: string): Promise<StartedWorld> {
  const main = join(root, "packages/runlet/main.ts");
  const world = follow(
    spawn(process.execPath, [main, "start", "--scale-sets", "1", "--clusters", "1", "--json"], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, RUNLET_HOME: home },
    }),
    100_000,
  );
  const said = await world.line((line) => line.startsWith("{"));
  const { service, token } = JSON.parse(said) as { service: string; token: string };
  return {
    service,
    token,
    control: `${new URL(service).origin}/_control`,
    stop() {
      world.child.kill("SIGTERM");
      return world.ended;
    },
  };
}
