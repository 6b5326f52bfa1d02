// Why: a delete must hit the very object that was seen, not one that has its name by now. A 409 says either that, or only
// that the server could not decide; which one is found out, since a wrong guess makes one runner too many.
import { KubernetesError, type KubernetesObject, type Resource } from "@runlet/kubernetes/client";
import type { Context } from "./context.ts";
import type { Kind } from "./kinds.ts";
import { keyOf } from "./object-key.ts";

/** Deletes `object` and remembers that until the watch shows it. Throws when it is not known to be gone. */
export async function removeObject<T extends KubernetesObject>(
  ctx: Pick<Context, "client">,
  resource: Resource,
  kind: Kind<T>,
  object: T,
): Promise<void> {
  const { uid } = object.metadata;
  try {
    await ctx.client.remove(resource, keyOf(object), uid === undefined ? {} : { uid });
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.status !== 409) throw error;
    const there = await ctx.client.find(resource, keyOf(object));
    if (there?.metadata.uid === uid) throw error;
  }
  kind.noteRemoved(object);
}
