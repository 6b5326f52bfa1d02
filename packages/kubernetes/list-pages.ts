// Why: a list of thousands is read in pages, so that neither side holds it whole in one answer; a page
// token that has expired (410) is met by starting again, once (client-go tools/pager does the same).
import type { KubernetesClientDeps, KubernetesObject } from "./client.ts";
import type { ListOptions, ObjectList, Resource } from "./client.ts";
import { KubernetesError } from "./kubernetes-error.ts";
import { apiVersionOf, collectionPath, withQuery } from "./resource-path.ts";
import { send } from "./send.ts";

const pageSize = 500;

/** The whole list, with the resourceVersion from which a watch goes on. */
export async function listPages<T extends KubernetesObject>(
  deps: KubernetesClientDeps,
  resource: Resource,
  options: ListOptions,
): Promise<ObjectList<T>> {
  try {
    return await listFrom(deps, resource, options, pageSize);
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.status !== 410) throw error;
    // Without a limit there is no page token that could expire.
    return listFrom(deps, resource, options, undefined);
  }
}

async function listFrom<T extends KubernetesObject>(
  deps: KubernetesClientDeps,
  resource: Resource,
  options: ListOptions,
  limit: number | undefined,
): Promise<ObjectList<T>> {
  const items: T[] = [];
  for (let page: string | undefined; ;) {
    const answer = await readPage<T>(deps, resource, options, { limit, continue: page });
    for (const item of answer.items) items.push(item);
    if (!answer.next) return { items, resourceVersion: answer.resourceVersion };
    page = answer.next;
  }
}

async function readPage<T extends KubernetesObject>(
  deps: KubernetesClientDeps,
  resource: Resource,
  options: ListOptions,
  page: { limit: number | undefined; continue: string | undefined },
): Promise<{ items: T[]; resourceVersion: string; next: string | undefined }> {
  const path = withQuery(collectionPath(resource, options.namespace), {
    labelSelector: options.labelSelector,
    ...page,
  });
  const where = options.namespace === undefined ? "" : ` in ${options.namespace}`;
  const attempted = `list ${resource.plural}${where}`;
  // The API server's own shape; what is relied upon is checked below.
  const body = (await send(deps, { method: "GET", path, attempted }, options)) as {
    items?: T[] | null;
    metadata?: { resourceVersion?: string; continue?: string };
  } | null;
  const resourceVersion = body?.metadata?.resourceVersion;
  if (!resourceVersion)
    throw new KubernetesError(`${attempted}: the answer has no resourceVersion`, {
      status: 200,
      reason: "Unreadable",
    });
  // Items of built-in kinds come without these two; an object from a watch has them.
  const kinded = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  const items = (body.items ?? []).map((item) => ({ ...kinded, ...item }));
  return { items, resourceVersion, next: body.metadata?.continue };
}
