// Why: an answer that says nothing about what was asked, only that the cluster cannot answer now: whoever gets one
// should stop asking for more, and draw no conclusion from it.
import { KubernetesError } from "@runlet/kubernetes/client";

/** No answer at all (status 0), or a server that fails. */
export function isClusterAway(error: unknown): boolean {
  return error instanceof KubernetesError && (error.status === 0 || error.status >= 500);
}
