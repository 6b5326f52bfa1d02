// Why: the few requests that the bed itself makes, as its administrator: is it ready, a CRD, a token.
import { createSystemClock } from "@runlet/runtime/clock";
import { z } from "zod";
import type { Bed } from "./bed.ts";
import type { Component } from "@runlet/runlet/programs/component";

const clock = createSystemClock();
// Two loaded cores take a while to link a cold binary into memory.
const readyLimitMs = 90_000;

interface Look {
  path: string;
  accept?: string;
  /** What the answer must contain. */
  mentions?: string[];
}

/** Waits until GET answers 200 as it should; a component that ends first is an error with its last words. */
export async function untilReady(bed: Bed, components: Component[], look: Look): Promise<void> {
  const end = clock.nowMs() + readyLimitMs;
  let last = "no answer";
  while (clock.nowMs() < end) {
    const dead = components.find((component) => !component.running());
    if (dead) throw new Error(`${dead.name} ended while starting:\n${dead.tail()}`);
    last = await tryLook(bed, look).catch(String);
    if (last === "ready") return;
    await clock.sleep(50);
  }
  const tails = components.map((component) => `${component.name}:\n${component.tail()}`);
  throw new Error(`${look.path} was not ready in time (${last})\n${tails.join("\n")}`);
}

async function tryLook(bed: Bed, look: Look): Promise<string> {
  const headers = {
    ...adminHeaders(bed, "application/json"),
    ...(look.accept === undefined ? {} : { accept: look.accept }),
  };
  const response = await bed.fetch(`${bed.server}${look.path}`, { headers });
  const text = await response.text();
  if (response.status !== 200) return `status ${response.status}`;
  const missing = (look.mentions ?? []).filter((name) => !text.includes(name));
  return missing.length === 0 ? "ready" : `without ${missing.join(", ")}`;
}

/** Discovery learns a CRD some time after it is there, in each of its two forms, also after a restart. */
export async function untilDiscovered(
  bed: Bed,
  components: Component[],
  kinds: CrdKind[],
): Promise<void> {
  const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const mentions = kinds.map(({ plural }) => `"${plural}"`);
  await untilReady(bed, components, { path: "/apis", accept: aggregated, mentions });
  for (const { group, version, plural } of kinds) {
    const path = `/apis/${group}/${version}`;
    await untilReady(bed, components, { path, mentions: [`"${plural}"`, `"${plural}/status"`] });
  }
}

const adminHeaders = (bed: Bed, type: string) => ({
  authorization: `Bearer ${bed.tokens["admin"] ?? ""}`,
  "content-type": type,
});

export interface CrdKind {
  group: string;
  version: string;
  plural: string;
}

const crdAnswer = z.object({
  spec: z.object({
    group: z.string(),
    names: z.object({ plural: z.string() }),
    versions: z.tuple([z.object({ name: z.string() })], z.unknown()),
  }),
});

/** Creates a CRD from its YAML. */
export async function createCrd(bed: Bed, yaml: string): Promise<CrdKind> {
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const headers = adminHeaders(bed, "application/yaml");
  const init = { method: "POST", headers, body: yaml };
  const response = await bed.fetch(`${bed.server}${path}`, init);
  const text = await response.text();
  if (response.status !== 201) throw new Error(`a CRD was refused: ${text}`);
  const { group, names, versions } = crdAnswer.parse(JSON.parse(text)).spec;
  return { group, version: versions[0].name, plural: names.plural };
}

const tokenAnswer = z.object({ status: z.object({ token: z.string() }) });

/** A token for a service account, for an hour. */
export async function requestToken(bed: Bed, namespace: string, name: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const response = await bed.fetch(`${bed.server}${path}`, {
    method: "POST",
    headers: adminHeaders(bed, "application/json"),
    body: JSON.stringify({
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: 3_600 },
    }),
  });
  const text = await response.text();
  const answer = tokenAnswer.safeParse(JSON.parse(text));
  if (answer.success) return answer.data.status.token;
  throw new Error(`no token for ${namespace}/${name}: ${text}`);
}
