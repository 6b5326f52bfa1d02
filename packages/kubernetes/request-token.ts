// Why: a service account's token is asked for (TokenRequest), since clusters make no token Secrets by themselves any more
// (Kubernetes 1.24). How long it is good for is the server's decision.
import * as z from "zod";
import type { KubernetesClientDeps } from "./client.ts";
import { send } from "./send.ts";

const answer = z.object({
  status: z.object({ token: z.string().min(1), expirationTimestamp: z.string() }),
});

/** Throws KubernetesError. `expiresAt` as RFC 3339. */
export async function requestToken(
  deps: Pick<KubernetesClientDeps, "clock" | "access" | "limitMs">,
  account: { namespace: string; name: string },
  seconds: number,
): Promise<{ token: string; expiresAt: string }> {
  const { namespace, name } = account;
  const said = await send(
    { ...deps, userAgent: "runlet" },
    {
      method: "POST",
      path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
      attempted: `request a token of service account ${namespace}/${name}`,
      body: {
        contentType: "application/json",
        value: {
          apiVersion: "authentication.k8s.io/v1",
          kind: "TokenRequest",
          spec: { expirationSeconds: seconds },
        },
      },
    },
  );
  const { token, expirationTimestamp } = answer.parse(said).status;
  return { token, expiresAt: expirationTimestamp };
}
