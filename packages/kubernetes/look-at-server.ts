// Why: before a cluster is relied on, a person wants to know whether it answers, how fast, which version it is, whether its
// clock is right and whether the kinds are there. All of that any account may ask (role system:discovery).
import type { Clock } from "@runlet/runtime/clock";
import { withDeadline } from "@runlet/runtime/deadline";
import * as z from "zod";
import type { ClusterAccess } from "./client.ts";
import { errorOfAnswer } from "./kubernetes-error.ts";

export interface ServerLook {
  /** e.g. v1.36.1 */
  version: string;
  /** One question and answer on an open connection. */
  latencyMs: number;
  /** The server's clock ahead of ours, to the second; undefined: it does not say. */
  clockSkewMs: number | undefined;
  /** The kinds of `groupVersion`, as they are served; empty: none. */
  kinds: string[];
}

const versionInfo = z.object({ gitVersion: z.string() });
const resourceList = z.object({ resources: z.array(z.object({ name: z.string() })) });

/** Asks three times. Throws KubernetesError for a refusal, anything else when there is no answer. */
export async function lookAtServer(
  deps: { clock: Clock; access: ClusterAccess; limitMs: number },
  groupVersion: string,
): Promise<ServerLook> {
  await ask(deps, "/version");
  const { clock } = deps;
  const [startedMs, wallMs] = [clock.nowMs(), clock.wallMs()];
  const version = await ask(deps, "/version");
  const latencyMs = clock.nowMs() - startedMs;
  const { status, text } = await ask(deps, `/apis/${groupVersion}`, [404]);
  const kinds = status === 404 ? [] : resourceList.parse(JSON.parse(text)).resources;
  const date = Date.parse(version.date ?? "");
  // A Date header is cut to the second: half a second later is the best guess.
  const aheadMs = date + 500 - (wallMs + latencyMs / 2);
  return {
    version: versionInfo.parse(JSON.parse(version.text)).gitVersion,
    latencyMs: Math.round(latencyMs),
    clockSkewMs: Number.isFinite(date) ? Math.round(aheadMs / 1_000) * 1_000 : undefined,
    kinds: kinds.map(({ name }) => name).filter((name) => !name.includes("/")),
  };
}

async function ask(
  { clock, access, limitMs }: Parameters<typeof lookAtServer>[0],
  path: string,
  expected: number[] = [],
) {
  return withDeadline(clock, limitMs, undefined, async (signal) => {
    const token = await access.token?.();
    const headers = {
      accept: "application/json",
      ...(token && { authorization: `Bearer ${token}` }),
    };
    const answer = await access.fetch(`${access.server}${path}`, { headers, signal });
    const { status } = answer;
    const text = await answer.text();
    if (status !== 200 && !expected.includes(status))
      throw errorOfAnswer(`get ${path}`, { status, retryAfter: null }, text);
    return { status, text, date: answer.headers.get("date") };
  });
}
