// Why: secrets live in Secrets Manager and nowhere else: not in the environment, not in the bundle, not in SST's state. Only
// the webhook's is made here, and without a value: `runlet github add` writes it, and those of credentials and clusters.
import type { Stage } from "./stage.ts";

export function createSecrets(stage: Stage) {
  const webhook = new aws.secretsmanager.Secret(
    "WebhookSecret",
    {
      name: `${stage.secrets}/webhook`,
      description:
        "Runlet: the webhook's secret; during a rotation the one before on a second line",
      // A removed stage can be made again at once under its name.
      recoveryWindowInDays: stage.kept ? 30 : 0,
    },
    { protect: stage.kept },
  );
  const below = (part: string) =>
    stage.arnOf("secretsmanager", `secret:${stage.secrets}/${part}/*`);
  return {
    webhookName: webhook.name,
    /** For the webhook: its own secret. */
    readWebhook: [{ actions: ["secretsmanager:GetSecretValue"], resources: [webhook.arn] }],
    /** For poller and sweep: credentials of GitHub and kubeconfigs, which are registered while it runs. */
    readRegistered: [
      {
        actions: ["secretsmanager:GetSecretValue"],
        resources: [below("github"), below("clusters")],
      },
    ],
  };
}

export type Secrets = ReturnType<typeof createSecrets>;
