// Why: the webhook asks for a root of its own, since in the cloud its bundle is small; on one machine there is one root.
import { createRoot, type Root } from "./root.ts";

/** The process's webhook. */
export function createWebhookRoot(): Promise<Pick<Root, "webhook" | "flush">> {
  return createRoot();
}
