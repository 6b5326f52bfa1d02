// Why: whoever registers a cluster or a scope writes its secret, and must be able to list, replace and remove it. The
// functions only read (secrets.ts), so that their roles need no more.
import type { Secrets } from "./secrets.ts";

/** The port: four verbs over text by name. Names are slash-separated paths as Secrets Manager takes them. */
export interface SecretStore extends Secrets {
  /** Names that begin with `prefix`, in order. Not one snapshot. */
  list(prefix: string): Promise<string[]>;
  /** Creates or replaces. */
  put(name: string, text: string): Promise<void>;
  /** Gone at once, or after the store's own grace; a later put makes it anew. */
  remove(name: string): Promise<"removed" | "absent">;
}
