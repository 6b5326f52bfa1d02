// Why: GitHub's events come in here, the only public door. Every event is a hint, so what is too much is refused.
import { createFunction, type Parts } from "./function.ts";

/** GitHub ends a delivery after 10 s ("Best practices for using webhooks"). */
const timeoutMs = 10_000;

export function createWebhook(parts: Parts) {
  const { settings } = parts.stage;
  return createFunction(parts, "webhook", {
    timeoutMs,
    memoryMb: settings.webhookMemoryMb,
    concurrency: settings.webhookConcurrency,
    permissions: parts.secrets.readWebhook,
    url: true,
  });
}
