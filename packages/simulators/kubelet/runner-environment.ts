// Why: the runner gets its JIT config through an environment variable that points into a Secret; a kubelet
// reads the Secret when it makes the container, and makes none while it is missing.
import type { KubernetesClient, KubernetesObject } from "@runlet/kubernetes/client";
import { secrets } from "@runlet/kubernetes/resources";
import type { Container } from "./pod.ts";

interface Secret extends KubernetesObject {
  data?: Record<string, string>;
}

const jitVariable = "ACTIONS_RUNNER_INPUT_JITCONFIG";

/** The container's JIT config (undefined: it has none), or why the container cannot be made. */
export async function readJitConfig(
  client: KubernetesClient,
  namespace: string,
  container: Container,
): Promise<{ jitConfig: string | undefined } | { configError: string }> {
  // The last of two equal names counts, as in a real container.
  const variable = container.env?.findLast((one) => one.name === jitVariable);
  const reference = variable?.valueFrom?.secretKeyRef;
  if (!reference) return { jitConfig: variable?.value };
  const name = reference.name ?? "";
  const secret = await client.find<Secret>(secrets, { namespace, name });
  const value = secret?.data?.[reference.key];
  if (value !== undefined) return { jitConfig: Buffer.from(value, "base64").toString("utf8") };
  if (reference.optional) return { jitConfig: undefined };
  const what = secret ? `couldn't find key ${reference.key} in Secret` : "secret not found:";
  return { configError: `${what} ${namespace}/${name}` };
}
