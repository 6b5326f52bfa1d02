// Why: "ECONNREFUSED" or "401" is what a program saw; who is called at night needs what it means for this cluster, and what
// to type next.
import { parseAccessRef } from "@runlet/coordination/access-ref";
import type { ClusterRow } from "@runlet/coordination/registry";
import { KubeconfigRefused } from "@runlet/kubernetes/kubeconfig-problems";
import { KubernetesError } from "@runlet/kubernetes/client";
import { describeFailure } from "@runlet/runtime/describe-failure";
import { TransportError } from "@runlet/runtime/http-error";

/**
 * One sentence on why a cluster could not be asked, with the remedy. No secret is in it. `renew`: how another way in is
 * given; default: as its row's kind asks.
 */
export function explainSilence(
  { name: cluster, accessRef }: Pick<ClusterRow, "name" | "accessRef">,
  error: unknown,
  renew = renewalOf(cluster, accessRef),
): string {
  const { line } = describeFailure(error);
  const status = error instanceof KubernetesError ? error.status : 0;
  if (status === 401) {
    return `cluster ${cluster} refuses our account (401): what it is shown has ended or was taken away: ${renew}`;
  }
  if (status === 403)
    return `cluster ${cluster} answers, but our account may not (${line}): npx runlet cluster grant ${cluster}`;
  if (status !== 0) return `cluster ${cluster} answers with an error (${line})`;
  const code = transportCodeOf(error);
  if (/CERT|SIGNATURE|ALTNAME|ISSUER/.test(code)) {
    return `cluster ${cluster} shows a certificate that is not of the CA we know (${code}): if its CA was changed, ${renew}`;
  }
  if (code === "ADDRESS_REFUSED" || error instanceof KubeconfigRefused)
    return `there is no way into cluster ${cluster} (${line}): ${renew}`;
  return `cluster ${cluster} does not answer from here (${line}): is its API server up, and does its network let us in?`;
}

function renewalOf(cluster: string, accessRef: string): string {
  const ref = parseAccessRef(accessRef);
  if (ref?.kind === "eks") {
    return `see its access entries in EKS, and npx runlet cluster rotate ${cluster} --eks NAME for another role`;
  }
  const grant = `npx runlet cluster grant ${cluster} --apply --kubeconfig ADMINS --write FILE`;
  // Of runlet local's flags, which go before what is registered.
  if (ref === undefined) return `${grant}, then start again with --kubeconfig ${cluster}=FILE`;
  return `${grant}, then npx runlet cluster rotate ${cluster} --kubeconfig FILE`;
}

/** "" where nothing was attempted on a connection. */
function transportCodeOf(error: unknown): string {
  for (let next = error, depth = 0; next instanceof Error && depth < 8; depth++) {
    if (next instanceof TransportError) return next.code;
    next = next.cause;
  }
  return "";
}
