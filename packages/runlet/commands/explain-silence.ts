// Why: "ECONNREFUSED" or "401" is what a program saw; who is called at night needs what it means for this cluster, and what
// to type next.
import { KubeconfigRefused } from "@runlet/kubernetes/kubeconfig-problems";
import { KubernetesError } from "@runlet/kubernetes/client";
import { describeFailure } from "@runlet/runtime/describe-failure";
import { TransportError } from "@runlet/runtime/http-error";

/** One sentence on why `cluster` could not be asked, with the remedy. No secret is in it. `renew`: how another way in is given. */
export function explainSilence(
  cluster: string,
  error: unknown,
  renew = `runlet cluster rotate ${cluster}`,
): string {
  const { line } = describeFailure(error);
  const status = error instanceof KubernetesError ? error.status : 0;
  if (status === 401) {
    return `cluster ${cluster} refuses our account (401): its token has ended or was taken away; give a new one: ${renew}`;
  }
  if (status === 403)
    return `cluster ${cluster} answers, but our account may not (${line}): runlet cluster grant ${cluster}`;
  if (status !== 0) return `cluster ${cluster} answers with an error (${line})`;
  const code = transportCodeOf(error);
  if (/CERT|SIGNATURE|ALTNAME|ISSUER/.test(code)) {
    return `cluster ${cluster} shows a certificate that is not of the CA we know (${code}): if its CA was changed, ${renew}`;
  }
  if (code === "ADDRESS_REFUSED" || error instanceof KubeconfigRefused)
    return `there is no way into cluster ${cluster} (${line}): ${renew}`;
  return `cluster ${cluster} does not answer from here (${line}): is its API server up, and does its network let us in?`;
}

/** "" where nothing was attempted on a connection. */
function transportCodeOf(error: unknown): string {
  for (let next = error, depth = 0; next instanceof Error && depth < 8; depth++) {
    if (next instanceof TransportError) return next.code;
    next = next.cause;
  }
  return "";
}
