// Why: one value holds what every handler needs: the store, the kinds that are served now, time, chance.
// Kinds follow the CRDs in the store, so that a CRD created a moment ago is served at once.
import type { ObjectMeta } from "@runlet/kubernetes/client";
import type { Clock } from "@runlet/runtime/clock";
import type { Random } from "@runlet/runtime/random";
import type { ApiObject } from "./api-object.ts";
import { kindsOfDefinition } from "./custom-kinds.ts";
import { builtInKinds, collectionOf, keyOf, type Kind } from "./kinds.ts";
import { timestamp } from "./object-meta.ts";
import type { About } from "./status-error.ts";
import type { Store } from "./store.ts";

export interface Cluster {
  store: Store;
  clock: Clock;
  random: Random;
  /** Every kind that is served, built-in and custom, with a number that changes when they do. */
  kinds(): { all: readonly Kind[]; version: number };
  /** The kind behind a path, or undefined. */
  findKind(group: string, version: string, plural: string): Kind | undefined;
  /** The kind of an object, or undefined. */
  kindOf(apiVersion: string, kind: string): Kind | undefined;
  /** The stored kinds of a collection: any version of it serves. */
  kindOfCollection(collection: string): Kind | undefined;
  /** The present time as Kubernetes writes it. */
  now(): string;
}

const definitions = "apiextensions.k8s.io/customresourcedefinitions";

export function createCluster(deps: { store: Store; clock: Clock; random: Random }): Cluster {
  let custom: Kind[] = [];
  let all: readonly Kind[] = builtInKinds;
  let version = 0;

  deps.store.subscribe((event) => {
    if (event.collection !== definitions) return;
    if (event.type === "DELETED") removeAll(deps.store, kindsOfDefinition(event.object)[0]);
    custom = deps.store.list(definitions).flatMap(kindsOfDefinition);
    all = [...builtInKinds, ...custom];
    version++;
  });

  const find = (is: (kind: Kind) => boolean) => all.find(is);
  return {
    ...deps,
    kinds: () => ({ all, version }),
    findKind: (group, wanted, plural) =>
      find((k) => k.group === group && k.version === wanted && k.plural === plural),
    kindOf(apiVersion, name) {
      const [wanted, group = ""] = apiVersion.split("/").toReversed();
      return find((k) => k.group === group && k.version === wanted && k.kind === name);
    },
    kindOfCollection: (collection) => find((k) => collectionOf(k) === collection),
    now: () => timestamp(deps.clock.wallMs()),
  };
}

/** Without their CRD custom objects are gone; the real server's finalizer sees to it one by one. */
function removeAll(store: Store, kind: Kind | undefined) {
  if (!kind) return;
  for (const { metadata } of store.list(collectionOf(kind))) {
    store.remove(collectionOf(kind), keyOf(metadata.namespace, metadata.name));
  }
}

export const about = (kind: Kind, name: string): About => ({
  group: kind.group,
  plural: kind.plural,
  kind: kind.kind,
  name,
});

/** A copy of `object` with some metadata changed; a field given as undefined is left out. */
export function withMeta(
  object: ApiObject,
  change: { [Field in keyof ObjectMeta]?: ObjectMeta[Field] | undefined },
): ApiObject {
  const merged = { ...object.metadata, ...change };
  const entries = Object.entries(merged).filter(([, value]) => value !== undefined);
  // The fields of ObjectMeta, those that are left out being optional ones.
  return { ...object, metadata: Object.fromEntries(entries) as unknown as ObjectMeta };
}
