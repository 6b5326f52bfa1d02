// Why: a cluster is registered only when it could be reached and its account has the rights: a mistake is said to who made
// it, not to a log an hour later. The secret is written first, then the row that names it.
import { formatAccessRef, type AccessRef } from "@runlet/coordination/access-ref";
import type { ClusterRow } from "@runlet/coordination/registry";
import { createStrictAccess, type OpenAccess } from "@runlet/kubernetes/access";
import { renderKubeconfig } from "@runlet/kubernetes/render-kubeconfig";
import { describeRight } from "@runlet/kubernetes/review-access";
import { parseStrictKubeconfig } from "@runlet/kubernetes/strict-kubeconfig";
import { quote, UsageError } from "@runlet/runtime/flags";
import { checkCluster, problemsOf, type ClusterCheck } from "./check-cluster.ts";
import { checkClusterName, clientOf, readNamespaces } from "./cluster-client.ts";
import { describeCheck } from "./describe-check.ts";
import { explainSilence } from "./explain-silence.ts";
import type { Place } from "./place.ts";
import { readFileFlag } from "./read-file-flag.ts";
import { textOf, type Values, type Verb } from "./verbs.ts";

export const addCluster: Verb = {
  takes: "NAME",
  flags: ["kubeconfig", "context", "eks", "region", "role-arn", "external-id", "namespace"],
  creates: true,
  async run({ names, values, open, tell }) {
    const name = checkClusterName(names[0]);
    const namespaces = readNamespaces(values);
    const given = readWay(values);
    const place = await open();
    const registry = await place.registry();
    if ((await registry.listClusters()).some(({ row }) => row.name === name)) {
      throw new Error(`cluster ${name} is registered: runlet cluster rotate or remove`);
    }
    const way = openWay(place, name, given);
    const row: ClusterRow = { name, accessRef: way.accessRef, ...(namespaces && { namespaces }) };
    tell(`checking cluster ${name} …`);
    const check = await tryWay(place, row, way);
    if (way.secret) await place.secrets.put(way.secret.name, way.secret.text);
    if ((await registry.putCluster(row, undefined)) === "refused") {
      throw new Error(`cluster ${name} was registered by somebody else just now`);
    }
    const lines = [
      describeCheck(name, check),
      `cluster ${name} is registered in ${place.label}; its runner sets are served within a minute`,
      ...(given.kind === "eks" ? [describeOthersWay(place, given)] : []),
    ];
    const text = lines.join("\n");
    return { text, json: { cluster: row, check, problems: problemsOf(check) } };
  },
};

/** What the flags say: a kubeconfig's text, already strict, or a cluster of EKS. */
type Given =
  | { kind: "kubeconfig"; config: ReturnType<typeof parseStrictKubeconfig> }
  | {
      kind: "eks";
      cluster: Omit<Extract<AccessRef, { kind: "eks" }>, "kind" | "region">;
      region: string | undefined;
    };

/** Throws UsageError, or KubeconfigRefused with everything that is wrong. */
export function readWay(values: Values): Given {
  const file = textOf(values, "kubeconfig");
  const eks = textOf(values, "eks");
  if ((file === undefined) === (eks === undefined))
    throw new UsageError("give either --kubeconfig FILE or --eks NAME");
  if (file !== undefined) {
    const odd = ["region", "role-arn", "external-id"].find((flag) => values[flag] !== undefined);
    if (odd) throw new UsageError(`--${odd} belongs to --eks, not to --kubeconfig`);
    const context = textOf(values, "context");
    const text = readFileFlag("kubeconfig", file);
    return { kind: "kubeconfig", config: parseStrictKubeconfig(text, context ? { context } : {}) };
  }
  if (values["context"] !== undefined)
    throw new UsageError("--context belongs to --kubeconfig, not to --eks");
  const [roleArn, externalId] = [textOf(values, "role-arn"), textOf(values, "external-id")];
  if (externalId !== undefined && roleArn === undefined)
    throw new UsageError("--external-id goes with a role: add --role-arn");
  const region = textOf(values, "region");
  for (const [flag, value, shape, remedy] of [
    ["eks", eks, /^[A-Za-z0-9][\w-]{0,99}$/, "give the cluster's name in EKS"],
    ["region", region, /^[a-z0-9-]+$/, "give a region's name, e.g. eu-central-1"],
    ["role-arn", roleArn, /^arn:[\w-]+:iam::\d{12}:role\/\S+$/, "give a role's whole ARN"],
  ] as const) {
    if (value !== undefined && !shape.test(value))
      throw new UsageError(`--${flag} ${quote(value)}: ${remedy}`);
  }
  const more = { ...(roleArn && { roleArn }), ...(externalId && { externalId }) };
  return { kind: "eks", cluster: { name: eks ?? "", ...more }, region };
}

/** What was tried is the way of whoever typed the command. */
function describeOthersWay({ region }: Place, { cluster, region: given }: Given & { kind: "eks" }) {
  const { name, roleArn } = cluster;
  const entry = {
    name,
    ...(given !== undefined && given !== region && { region: given }),
    ...(roleArn !== undefined && { roleArn }),
  };
  const who = roleArn === undefined ? "as you" : "as that role, for you";
  return (
    `it was tried ${who}; the functions come in when eksClusters of the stage's settings has ${JSON.stringify(entry)}` +
    " (then deploy), by the group runlet-control-plane: runlet cluster grant"
  );
}

export interface Way {
  accessRef: string;
  /** To be written before the row that refers to it. */
  secret: { name: string; text: string } | undefined;
  open(): Promise<OpenAccess | undefined>;
}

/** Throws where the place cannot serve such a cluster. */
export function openWay(place: Place, name: string, given: Given): Way {
  if (given.kind === "kubeconfig") {
    const { config } = given;
    const { clock, createFetch } = place;
    const secret = { name: place.secretName(`clusters/${name}`), text: renderKubeconfig(config) };
    return {
      accessRef: formatAccessRef({ kind: "secret", name: secret.name }),
      secret,
      open: async () => createStrictAccess({ clock, createFetch }, config),
    };
  }
  const region = given.region ?? place.region;
  if (place.region === undefined || region === undefined) {
    throw new UsageError(`--eks needs a deployed stage; ${place.label} has no AWS account`);
  }
  const accessRef = formatAccessRef({ kind: "eks", region, ...given.cluster });
  return {
    accessRef,
    secret: undefined,
    open: () => place.accessTo({ name, accessRef }),
  };
}

/** The check over a way that is not registered yet. Throws when it does not lead in, or rights are lacking. */
export async function tryWay(place: Place, row: ClusterRow, way: Way): Promise<ClusterCheck> {
  const access = await way.open();
  if (!access) throw new Error(`no access to cluster ${row.name}: ${way.accessRef}`);
  try {
    const check = await checkCluster(place, row, clientOf(place, access), access).catch(
      (cause: unknown) => {
        throw new Error(explainSilence(row, cause, "give another kubeconfig, or EKS cluster"));
      },
    );
    const { asked, lacking } = check.rights;
    if (lacking.length === 0) return check;
    const some = lacking.slice(0, 3).map(describeRight).join(", ");
    throw new Error(
      `the account of cluster ${row.name} lacks ${lacking.length} of ${asked} rights (${some}): ` +
        "grant them with runlet cluster grant",
    );
  } finally {
    access.close();
  }
}
