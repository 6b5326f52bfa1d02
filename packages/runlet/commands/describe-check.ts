// Why: what a check of a cluster found is read by people who decide what to do next: each line a fact, each problem a remedy.
import { describeRight, type Right } from "@runlet/kubernetes/review-access";
import { alignColumns } from "./align-columns.ts";
import { problemsOf, type ClusterCheck } from "./check-cluster.ts";

/** Lines for people. */
export function describeCheck(name: string, check: ClusterCheck): string {
  const { rights, managed, arc, runnerSets, clockSkewMs, missingKinds } = check;
  const facts: [string, string][] = [
    ["server", check.server],
    ["version", check.version],
    ["latency", `${check.latencyMs} ms`],
    ["clock", clockSkewMs === undefined ? "not told" : describeSkew(clockSkewMs)],
    ["kinds", missingKinds.length === 0 ? "all served" : `missing: ${missingKinds.join(", ")}`],
    ["rights", `${rights.asked - rights.lacking.length} of ${rights.asked}`],
    ...groupRights(rights.granted).map((may): [string, string] => ["  may", may]),
    ...groupRights(rights.lacking).map((may): [string, string] => ["  may not", may]),
    ["reconciler", describeNames(check.reconcilers, "has not acted on a runner set yet")],
    ["managed", describeNames(managed, "no namespace")],
    ["ARC serves", describeNames(arc, "nothing that can be seen")],
    [
      "runner sets",
      runnerSets
        ? `${runnerSets.all}, of which ${runnerSets.ours} are kept by Runlet's reconciler`
        : "not visible",
    ],
  ];
  const problems = problemsOf(check);
  const verdict =
    problems.length === 0 ? [`cluster ${name} can be served`] : problems.map((one) => `! ${one}`);
  return [alignColumns(facts), ...verdict].join("\n");
}

/** One line for a resource and place: `get, patch ephemeralrunnersets.actions.github.com`. */
function groupRights(rights: readonly Right[]): string[] {
  const places = Map.groupBy(rights, (right) => describeRight({ ...right, verb: "" }));
  return [...places].map(
    ([place, here]) =>
      `${here
        .map(({ verb }) => verb)
        .toSorted()
        .join(", ")}${place}`,
  );
}

function describeSkew(ms: number): string {
  if (Math.abs(ms) < 2_000) return "right to the second";
  return `${Math.abs(ms) / 1_000} s ${ms > 0 ? "ahead" : "behind"}`;
}

function describeNames(names: readonly string[] | undefined, none: string): string {
  if (!names) return "not visible";
  return names.join(", ") || none;
}
