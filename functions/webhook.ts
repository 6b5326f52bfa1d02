// Why: the entry of the webhook: a function URL's event in, its answer out.
import { createRoot } from "#root";
import { handle, type LambdaEvent } from "hono/aws-lambda";

export async function handler(event: LambdaEvent) {
  const { webhook } = await createRoot();
  return handle(webhook)(event);
}
