// Why: the control plane's account should be able to do what poller and sweep do and no more. The grant is printed, so that
// it can be read and kept with other manifests; --apply does it with an administrator's kubeconfig.
import { writeFileSync } from "node:fs";
import { parseAccessRef } from "@runlet/coordination/access-ref";
import { openKubeconfigAccess, type KubeconfigAccess } from "@runlet/kubernetes/kubeconfig-access";
import { renderKubeconfig } from "@runlet/kubernetes/render-kubeconfig";
import { requestToken } from "@runlet/kubernetes/request-token";
import { createSystemClock } from "@runlet/runtime/clock";
import { UsageError } from "@runlet/runtime/flags";
import { applyGrant } from "./apply-grant.ts";
import { callLimitMs, clientOf, getCluster, readNamespaces } from "./cluster-client.ts";
import { grantManifests, renderManifests, type Subject } from "./cluster-role.ts";
import { readFileFlag } from "./read-file-flag.ts";
import { textOf, type Answer, type Call, type Values, type Verb } from "./verbs.ts";

export const grantCluster: Verb = {
  takes: "[NAME]",
  flags: ["namespace", "account", "group", "apply", "kubeconfig", "context", "write"],
  async run(call) {
    const { values } = call;
    checkFlags(values);
    const namespaces = readNamespaces(values);
    const known = await findRegistered(call);
    const subject = readSubject(values) ?? known.subject ?? defaultAccount;
    const manifests = grantManifests(subject, namespaces ?? known.namespaces);
    const yaml = renderManifests(manifests).trimEnd();
    if (!values["apply"]) return { text: yaml, json: { manifests } };
    return apply(call, subject, manifests);
  },
};

const defaultAccount: Subject = {
  kind: "account",
  namespace: "runlet-system",
  name: "runlet-control-plane",
};
/** As the stage's access entries name it. */
const defaultGroup: Subject = { kind: "group", name: "runlet-control-plane" };

function checkFlags(values: Values): void {
  const needs = ["kubeconfig", "context", "write"].find((flag) => values[flag] !== undefined);
  if (!values["apply"] && needs) throw new UsageError(`--${needs} goes with --apply`);
  if (values["apply"] && values["kubeconfig"] === undefined)
    throw new UsageError("--apply needs an administrator's --kubeconfig FILE");
}

/** A cluster that is registered already says for whom and where. */
async function findRegistered({
  names,
  open,
}: Call): Promise<{ namespaces?: string[] | undefined; subject?: Subject }> {
  if (names[0] === undefined) return {};
  const { row } = await getCluster(await (await open()).registry(), names[0]);
  const isEks = parseAccessRef(row.accessRef)?.kind === "eks";
  return { namespaces: row.namespaces, ...(isEks && { subject: defaultGroup }) };
}

function readSubject(values: Values): Subject | undefined {
  const [account, group] = [textOf(values, "account"), textOf(values, "group")];
  if (account !== undefined && group !== undefined)
    throw new UsageError("--account and --group name two subjects: give one of them");
  if (group !== undefined) return { kind: "group", name: group };
  if (account === undefined) return undefined;
  const [, namespace = "", name = ""] = /^([a-z0-9-]+)\/([a-z0-9.-]+)$/.exec(account) ?? [];
  if (name) return { kind: "account", namespace, name };
  throw new UsageError(`--account ${account}: give it as NAMESPACE/NAME`);
}

async function apply(
  { values, tell }: Call,
  subject: Subject,
  manifests: ReturnType<typeof grantManifests>,
): Promise<Answer> {
  const clock = createSystemClock();
  const file = textOf(values, "kubeconfig") ?? "";
  readFileFlag("kubeconfig", file);
  const context = textOf(values, "context");
  const access = await openKubeconfigAccess({ clock }, { file, context });
  try {
    const client = clientOf({ clock }, access);
    for (const manifest of manifests) {
      const done = await applyGrant(client, manifest);
      tell(`${manifest.kind} ${manifest.metadata.name} ${done}`);
    }
    const written = textOf(values, "write");
    if (written === undefined) return { text: "granted", json: { applied: manifests.length } };
    const until = await writeAccount(access, subject, written);
    const text = `granted; ${written} leads there as that account until ${until}`;
    return { text, json: { applied: manifests.length, kubeconfig: written, until } };
  } finally {
    access.close();
  }
}

/** A year, if the cluster gives that long. */
const tokenSeconds = 365 * 24 * 3_600;

async function writeAccount(access: KubeconfigAccess, subject: Subject, file: string) {
  if (subject.kind !== "account")
    throw new UsageError("--write needs a service account: a group has no token of its own");
  const { caPem, server } = access;
  if (caPem === undefined)
    throw new Error("the administrator's kubeconfig names no CA, which the strict one must have");
  const deps = { clock: createSystemClock(), access, limitMs: callLimitMs };
  const { token, expiresAt } = await requestToken(deps, subject, tokenSeconds);
  const credential = { kind: "token", token } as const;
  const text = renderKubeconfig({ context: subject.name, server, caPem, credential });
  writeFileSync(file, text, { mode: 0o600 });
  return expiresAt;
}
