// Why: the entry of the webhook: a function URL's event in, its answer out.
import { createWebhookRoot } from "#webhook-root";
import { handle, type LambdaEvent } from "hono/aws-lambda";

export async function handler(event: LambdaEvent) {
  const { webhook, flush } = await createWebhookRoot();
  return handle(webhook)(event).finally(flush);
}
