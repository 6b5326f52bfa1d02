// Why: what may go wrong where a person looks or acts: ways into clusters, addresses, what status says, what owners are told.
import type { Mutant } from "./mutants.ts";

const commands = "packages/runlet/commands";
const status = "tests/stories/world/status.test.ts";
const explain = "packages/domain/explain-job";
const guard = "packages/runtime/address-guard";

export const commandMutants: Mutant[] = [
  {
    name: "an EKS token is used beyond its life",
    in: "packages/kubernetes/eks-token.ts",
    find: "const freshMs = 10 * 60_000;",
    replace: "const freshMs = 16 * 60_000;",
    file: "packages/simulators/eks/presigned-token.test.ts",
    test: "is good at every moment at which we would use it",
  },
  {
    name: "an EKS token is good for every cluster",
    in: "packages/kubernetes/eks-token.ts",
    find: '"x-k8s-aws-id": cluster.name',
    replace: '"x-k8s-aws-id": ""',
    file: "packages/simulators/eks/presigned-token.test.ts",
    test: "is good at every moment at which we would use it",
  },
  {
    name: "an IPv4 address in a 6to4 one is not looked at",
    in: `${guard}.ts`,
    find: '  ["2002::", 16, 1], // 6to4 (RFC 3056)\n',
    replace: "",
    file: `${guard}.test.ts`,
    test: "2002:a9fe:a9fe::1",
  },
  {
    name: "addresses behind a proxy are not looked at",
    in: "packages/runtime/http-dial.ts",
    find: "  if (dialer.guard) checkLiteral(dialer.guard, hostOf(dial.url));\n",
    replace: "",
    file: `${guard}.test.ts`,
    test: "a guarded fetch connects to nothing that is refused",
  },
  {
    name: "status takes a refused credential for a good one",
    in: `${commands}/ask-credential.ts`,
    find: ')) ?? "found";',
    replace: ')) ? "found" : "found";',
    file: status,
    test: "in acquire mode > names a cluster that is silent",
  },
  {
    name: "status does not see a reconciler that is dead",
    in: `${commands}/decide-health.ts`,
    find: "unacted >= 3 ||",
    replace: "",
    file: status,
    test: "in acquire mode > names a reconciler that does not act",
  },
  {
    name: "a cluster is forgotten while runners are in it",
    in: `${commands}/cluster-remove.ts`,
    find: "if (left > 0) {",
    replace: "if (left > 1_000) {",
    file: "tests/stories/world/remove-cluster.test.ts",
    test: "in acquire mode > gives up after its limit with the runners named",
  },
  {
    name: "owners are told with each sweep",
    in: "packages/control-plane/sweep/tell-owners.ts",
    find: "    .filter((fact) => !told.get(keyOf(fact))?.isTold)\n",
    replace: "",
    file: "tests/stories/sweep/tell-owners.test.ts",
    test: "and what was told is not written again",
  },
  {
    name: "owners in a cluster that takes no events are tried before all others",
    in: "packages/control-plane/sweep/tell-owners.ts",
    find: "    .toSorted((a, b) => triedAt(a) - triedAt(b))\n",
    replace: "",
    file: "tests/stories/sweep/tell-owners.test.ts",
    test: "a cluster that takes no events for its many sets keeps no other cluster's owners in the dark",
  },
  {
    name: "a job that is run again is told of its first run",
    in: `${explain}.ts`,
    find: " && at > last + roundingMs",
    replace: "",
    file: `${explain}.test.ts`,
    test: "is told of the run after the last end",
  },
  {
    name: "one silent cluster holds a job up that another can take",
    in: `${explain}.ts`,
    find: 'word === "degraded" && !isPartly',
    replace: 'word === "degraded"',
    file: `${explain}.test.ts`,
    test: "1 with a job); besides: what degraded means",
  },
  {
    name: "a set at its maximum is said to start a runner",
    in: `${explain}.ts`,
    find: "(counted ? 0 : 1) <= max",
    replace: "(counted ? 0 : 1) <= max + 1",
    file: "tests/stories/world/job-waits.test.ts",
    test: "in auto-assign mode > names the maximum",
  },
  {
    name: "notes of a second run are passed over",
    in: "packages/coordination/timelines.ts",
    find: "countEnds(all, one) === countEnds(all, other)",
    replace: "countEnds(all, one) >= 0",
    file: "packages/coordination/timelines.test.ts",
    test: "a job that is run again under its run and name is told anew",
  },
  {
    name: "a webhook's note does not say which scale set the job can go to",
    in: "packages/runlet/compose/notes.ts",
    find: "({ ...note, scaleSetKey })",
    replace: "({ ...note, ...(!scaleSetKey && { scaleSetKey }) })",
    file: "tests/stories/world/job-waits.test.ts",
    test: "in acquire mode > tells a job's life",
  },
];
