// Why: the service speaks of runners by name; which cluster has one is in the name, since a runner is called after
// its EphemeralRunnerSet and that after its cluster.
import type { ServedTarget } from "./scale-set.ts";

/** The target whose runner it is: runner names begin with their EphemeralRunnerSet's; undefined: nobody's. */
export function targetOfRunner(
  targets: ReadonlyMap<string, Pick<ServedTarget, "runnerSet">>,
  runnerName: string,
): string | undefined {
  return [...targets]
    .filter(([, { runnerSet }]) => runnerSet !== "" && runnerName.startsWith(`${runnerSet}-`))
    .toSorted(([, a], [, b]) => b.runnerSet.length - a.runnerSet.length)
    .at(0)?.[0];
}
