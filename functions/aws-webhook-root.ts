// Why: the composition root of the webhook in the cloud: environment → adapters → application. Memoised per container.
import { composeWebhook } from "@runlet/runlet/compose/webhook";
import { createAwsPorts } from "./aws-ports.ts";

type Root = ReturnType<typeof start>;

let root: Root | undefined;

/** The container's webhook. */
export async function createWebhookRoot(): Promise<Root> {
  root ??= start();
  return root;
}

function start() {
  const ports = createAwsPorts();
  const { secrets, environment, metrics } = ports;
  const name = `${environment.secretsPrefix}/webhook`;
  const webhook = composeWebhook({
    ...ports,
    async webhookSecrets() {
      // One on each line: during a rotation the new one and the one before.
      const text = (await secrets.find(name)) ?? "";
      return text.split("\n").flatMap((line) => line.trim() || []);
    },
  });
  return { webhook, flush: () => metrics.flush() };
}
