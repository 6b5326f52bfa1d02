// Why: what may go wrong at GitHub's side of the sweep and at the webhook's door, and in the figures that alarms look at.
import type { Mutant } from "./mutants.ts";

const sweep = "packages/control-plane/sweep";
const webhook = "packages/control-plane/webhook";
const github = "tests/stories/sweep/github.test.ts";
const clusters = "tests/stories/sweep/clusters.test.ts";

export const sweepMutants: Mutant[] = [
  {
    name: "only the newest failed webhooks are ever looked at",
    in: `${sweep}/redeliver.ts`,
    find: "failed.filter((one) => isOfUse(deps, one))",
    replace: "failed.filter((one) => isOfUse(deps, one)).slice(0, redeliveredMax)",
    file: github,
    test: "are asked for again, twenty a sweep and each once",
  },
  {
    name: "failed webhooks asked for by rounded ids",
    in: `${sweep}/redeliver.ts`,
    find: "parse(parseJson(text))",
    replace:
      "parse(JSON.parse(text, (_, value) => typeof value === 'number' && value > 2 ** 53 ? String(BigInt(value)) : value))",
    file: github,
    test: "are asked for again, twenty a sweep and each once",
  },
  {
    name: "redeliveries take the last of the hour's calls",
    in: `${sweep}/redeliver.ts`,
    find: "limit.left - limit.max * reservedShare",
    replace: "limit.left",
    file: github,
    test: "leave a fifth of the hour's calls",
  },
  {
    name: "shards are woken after GitHub has answered",
    in: `${sweep}/run-sweep.ts`,
    find: "    wakeUnserved(deps, known, signal),\n",
    replace:
      '    part(deps, "redeliver", () => redeliver(deps)).then(() => wakeUnserved(deps, known, signal)),\n',
    file: github,
    test: "although every question to GitHub hangs",
  },
  {
    name: "shards are woken after every cluster has answered",
    in: `${sweep}/run-sweep.ts`,
    find: "  const looked = discover(deps, stored);\n",
    replace: "  const looked = discover(deps, stored);\n  await looked;\n",
    file: clusters,
    test: "a sweep wakes who is not served within a second, although a cluster hangs",
  },
  {
    name: "a look at a cluster goes on as long as it answers",
    in: `${sweep}/observe-clusters.ts`,
    find: "const limitMs = 2 * deps.settings.effectTimeoutMs;",
    replace: "const limitMs = 20 * deps.settings.effectTimeoutMs;",
    file: clusters,
    test: "is silent after twice the time of a call",
  },
  {
    name: "all scale sets that no cluster shows are deleted at once",
    in: `${sweep}/discover.ts`,
    find: "const deletedMax = 10;",
    replace: "const deletedMax = 1_000;",
    file: clusters,
    test: "ten are deleted a sweep",
  },
  {
    name: "a scale set is unowned at first sight",
    in: `${sweep}/find-unowned.ts`,
    find: "before?.has(id))) {",
    replace: "before?.has(id) ?? true)) {",
    file: github,
    test: "when jobs have waited for it in two lists",
  },
  {
    name: "a failed webhook that cannot be read keeps all others back",
    in: `${sweep}/redeliver.ts`,
    find: "delivery.safeParse(one).data ?? []",
    replace: "delivery.parse(one)",
    file: github,
    test: "that cannot be read are skipped and told of",
  },
  {
    name: "the sweep's questions go without the credential's CA and proxy",
    in: "packages/runlet/compose/github-ways.ts",
    find: "deps.fetchFor(found)",
    replace: "deps.fetchFor({ credential })",
    file: github,
    test: "take the way of their scope's credential",
  },
  {
    name: "GitHub's silence counts as a refusal of the credential",
    in: `${sweep}/check-credentials.ts`,
    find: "const isLimit = status === 429 ||",
    replace: 'if (status >= 429) return "rejected";\n  const isLimit =',
    file: "tests/stories/sweep/credentials.test.ts",
    test: "is not to blame for GitHub's 500",
  },
  {
    name: "the signature counts over what the bytes read as",
    in: `${webhook}/verify.ts`,
    find: "fatal: true",
    replace: "fatal: false",
    file: `${webhook}/app.test.ts`,
    test: "refuses bytes that only look like the signed text",
  },
  {
    name: "a webhook that failed is answered as if it had worked",
    in: `${webhook}/app.ts`,
    find: "status: 503, result",
    replace: "status: 202, result",
    file: `${webhook}/app.test.ts`,
    test: "answers 503 when table, invoker or secret are away",
  },
  {
    name: "how long jobs wait is forgotten at a hand-over",
    in: "packages/control-plane/poller/scale-set.ts",
    find: "waitingSince: from?.waitingSince",
    replace: "waitingSince: undefined",
    file: "tests/stories/poller/figures.test.ts",
    test: "(auto-assign) > show for how long jobs wait of which none begins",
  },
  {
    name: "scale sets that are never let go stand before all others that are to be deleted",
    in: `${sweep}/discover.ts`,
    find: "(Math.floor(wallMs / 60_000) * deletedMax) % all.length",
    replace: "0",
    file: `${sweep}/discover.test.ts`,
    test: "deletes the others in time although more than a look's number are refused for ever",
  },
  {
    name: "what a job is told of ends with its fortieth note",
    in: "packages/coordination/timelines.ts",
    find: ".slice(-notesMax)",
    replace: ".slice(0, notesMax)",
    file: "packages/coordination/timelines.test.ts",
    test: "a job that is run again ever more often is told as it is now: the oldest notes go",
  },
];
