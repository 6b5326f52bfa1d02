// Why: the demo's world, left running: to look at with kubectl, to queue jobs in, to point other clients at.
import { closeSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createSystemClock } from "@runlet/runtime/clock";
import { untilStopped } from "@runlet/runtime/until-stopped";
import { readHome } from "@runlet/runtime/settings-environment";
import { renderKubeconfig } from "@runlet/simulators/kube-api/kubeconfig";
import type { Command } from "../main.ts";
import type { ScenarioPlan } from "../world/plan-scenario.ts";
import { openWorld, type OpenWorld } from "./open-world.ts";
import { playOptions, readPlayFlags, type PlayFlags } from "./play-flags.ts";

const help = `runlet start: the demo's world, left running until Ctrl-C

usage: npm start -- [--scale-sets N] [--clusters N] [--mode M] [--seed S] [--port N] [--webhook-port N] [--json]

  --scale-sets N    runner scale sets (default 3), as in runlet demo
  --clusters N      clusters (default 2)
  --mode M          acquire (GitHub Enterprise Server) or auto-assign (github.com); default acquire
  --seed S          of which the scale sets are drawn (default 1)
  --port N          port of the Actions Service (default: any)
  --webhook-port N  port of the webhook (default: any)
  --json            the ready line as JSON: {"ready":true,"service":…,"token":…,"webhook":…,"clusters":[…]}

Exit code 0 after SIGINT or SIGTERM, 2 for a mistake in the call, 1 for everything else.

Then, beside it:
  kubectl --kubeconfig .runlet/kubeconfig-east.yaml get ephemeralrunners -A -w
  tail -f .runlet/start/log.jsonl
  npx runlet demo queue --scale-set linux --jobs 5
`;

export const startCommand: Command = {
  summary: "the demo's world, left running",
  options: playOptions.start,
  async run(args) {
    const flags = readPlayFlags(args, "start", 1);
    if (!flags.help) return start(flags);
    process.stdout.write(help);
    return 0;
  },
};

async function start(flags: PlayFlags): Promise<number> {
  const home = readHome();
  // A signal that comes while it starts ends it in order, too: children are running by then.
  const stopped = untilStopped();
  const folder = join(home, "start");
  const log = openLog(folder);
  const clock = createSystemClock();
  const opened = await openWorld({ clock, onLine: log.write }, flags, folder);
  log.begin();
  // One that was killed has left its own.
  rmSync(join(home, "world.json"), { force: true });
  await opened.world.start();
  const ready = describe(opened, home);
  writeFileSync(join(home, "world.json"), JSON.stringify(ready, null, 2), { mode: 0o600 });
  const names = opened.plan.scaleSets.map(({ name }) => name).join(", ");
  process.stdout.write(
    flags.json
      ? `${JSON.stringify(ready)}\n`
      : `ready: service ${ready.service}, webhook ${ready.webhook}, scale sets ${names}, ` +
          `${ready.clusters.map(({ kubeconfig }) => kubeconfig).join(", ")}\n`,
  );
  const say = (text: string) => void (flags.json || process.stderr.write(text));
  say(nextCommands(opened.plan, ready.clusters, log.path));
  await stopped;
  say("runlet start: stopping\n");
  await opened.stop();
  log.close();
  rmSync(join(home, "world.json"), { force: true });
  return 0;
}

/**
 * The log of functions and reconcilers, without what only explains single calls. Begun anew by each start, but not before
 * there is a line or `begin` is called: until then the folder may be somebody else's.
 */
function openLog(folder: string) {
  const path = join(folder, "log.jsonl");
  let file: number | undefined;
  const begin = () => (file ??= openSync(path, "w", 0o600));
  return {
    path,
    begin,
    write: (line: string) =>
      void (line.includes('"level":"debug"') || writeSync(begin(), `${line}\n`)),
    close: () => closeSync(begin()),
  };
}

/** What one may type next, and where to look. */
function nextCommands(
  plan: ScenarioPlan,
  clusters: { name: string; kubeconfig: string }[],
  logPath: string,
): string {
  const sets = plan.scaleSets.map((set) => `${set.name} on ${set.clusters.join(" and ")}`);
  const [set] = plan.scaleSets;
  const [cluster] = clusters;
  return `
  scale sets   ${sets.join(", ")}
  queue jobs   npx runlet demo queue --scale-set ${set?.name ?? "linux"} --jobs 5
  see runners  kubectl --kubeconfig ${cluster?.kubeconfig ?? "FILE"} get ephemeralrunners -A -w
  who serves   npx runlet status
  what goes on tail -f ${logPath}
  the end      Ctrl-C
`;
}

/** Writes a kubeconfig for each cluster's administrator and says where everything is. */
function describe({ world, transport }: OpenWorld, home: string) {
  const clusters = [...world.clusters].flatMap(([name, { api }]) => {
    const served = transport.clusters.get(name);
    if (!served) return [];
    const kubeconfig = join(home, `kubeconfig-${name}.yaml`);
    writeFileSync(kubeconfig, renderKubeconfig({ name, ...served, token: api.adminToken }), {
      mode: 0o600,
    });
    return [{ name, kubeconfig }];
  });
  return {
    ready: true,
    service: world.configUrl,
    token: world.pat,
    webhook: `${world.functions.webhookUrl}/webhook`,
    clusters,
  };
}
