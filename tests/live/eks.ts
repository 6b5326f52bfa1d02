// Why: a cluster of EKS is reached by a presigned call of STS that its API server makes. Its shape is that of
// aws-iam-authenticator; whether the API server takes ours only EKS can say.
import { formatAccessRef } from "@runlet/coordination/access-ref";
import { createKubernetesClient, KubernetesError } from "@runlet/kubernetes/client";
import { lookAtServer } from "@runlet/kubernetes/look-at-server";
import { openStage } from "@runlet/runlet/commands/stage-place";
import { readAwsStage } from "@runlet/runtime/settings-aws";
import { attempt, awsNeeds } from "./aws.ts";
import type { CheckRun, Finding, LiveCheck } from "./live-check.ts";

export const eks: LiveCheck = {
  name: "eks",
  asks: "Does an EKS API server take our token?",
  does: [
    "describes the cluster, signs a token as AWS_ACCESS_KEY_ID, asks for the server's version",
    "lists namespaces, which the account of a control plane may (403 means: known, but not granted)",
    "changes nothing",
  ],
  needs: { ...awsNeeds, RUNLET_LIVE_EKS: "the cluster's name" },
  takes: { RUNLET_LIVE_EKS_ROLE: "the ARN of a role to assume, for another account's cluster" },
  run: look,
};

const limitMs = 10_000;

async function look(run: CheckRun): Promise<Finding[]> {
  const { clock, random, log } = run;
  const { region } = readAwsStage("live");
  const roleArn = run.option("RUNLET_LIVE_EKS_ROLE");
  const name = run.value("RUNLET_LIVE_EKS");
  const accessRef = formatAccessRef({ kind: "eks", region, name, ...(roleArn && { roleArn }) });
  const place = openStage({ clock, random, log }, "live");
  const access = await place.accessTo({ name: "live", accessRef });
  if (!access) throw new Error(`no access to ${accessRef}`);
  try {
    const client = createKubernetesClient({ access, clock, userAgent: "runlet-live", limitMs });
    return [
      await attempt("the server answers over its own CA", async () => {
        const { version } = await lookAtServer({ clock, access, limitMs }, "v1");
        return [true, version];
      }),
      await attempt("the token is taken: the server knows who asks", async () => {
        const status = await statusOf(client.list({ ...namespaces }));
        return [status !== 401, status === 200 ? "listed" : `HTTP ${status}`];
      }),
    ];
  } finally {
    access.close();
    place.close();
  }
}

const namespaces = {
  group: "",
  version: "v1",
  plural: "namespaces",
  kind: "Namespace",
  namespaced: false,
};

async function statusOf(call: Promise<unknown>): Promise<number> {
  try {
    await call;
    return 200;
  } catch (error) {
    if (error instanceof KubernetesError) return error.status;
    throw error;
  }
}
