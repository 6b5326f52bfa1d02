// Why: a finalizer stands before anything exists that must be taken down. The list is other parties' too, so it is
// written over the very version that was read: theirs, added a moment ago, would be lost otherwise.
import { KubernetesError, type KubernetesObject, type Resource } from "@runlet/kubernetes/client";
import type { Context } from "./context.ts";
import type { Kind } from "./kinds.ts";
import { keyOf } from "./object-key.ts";

/** The object with `wanted` among its finalizers; undefined: it is gone. Throws when it has changed meanwhile (409). */
export async function protectObject<T extends KubernetesObject>(
  ctx: Pick<Context, "client">,
  resource: Resource,
  kind: Kind<T>,
  object: T,
  wanted: readonly string[],
): Promise<T | undefined> {
  const { uid, resourceVersion, finalizers: held = [] } = object.metadata;
  const finalizers = [...new Set([...held, ...wanted])];
  if (finalizers.length === held.length) return object;
  try {
    const patched = await ctx.client.patch<T>(resource, keyOf(object), {
      type: "merge",
      body: { metadata: { uid, resourceVersion, finalizers } },
    });
    kind.note(patched);
    return patched;
  } catch (error) {
    if (error instanceof KubernetesError && error.status === 404) return undefined;
    throw error;
  }
}
