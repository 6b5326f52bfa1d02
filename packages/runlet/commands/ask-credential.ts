// Why: a revoked token serves on for up to an hour by what was got with it, and then everything of its scope stops at once.
// Who looks before that should be told, so GitHub is asked, as the sweep asks it (at no cost of its limit).
import { callRest } from "@runlet/control-plane/sweep/rest";
import { refusalOf } from "@runlet/control-plane/sweep/check-credentials";
import { createGithubWays } from "../compose/github-ways.ts";
import type { Place } from "./place.ts";

/** "found": nothing speaks against it. "unasked": GitHub does not answer, which says nothing about it. */
export type CredentialState =
  | "found"
  | "unasked"
  | "missing"
  | "unreadable"
  | "rejected"
  | "uninstalled"
  | "suspended";

export type AskPlace = Pick<Place, "clock" | "random" | "credentials" | "fetchFor">;

/** A person waits. */
const limitMs = 5_000;

/** Asks for each scope once. */
export function createCredentialAsker(place: AskPlace): (url: string) => Promise<CredentialState> {
  const asked = new Map<string, Promise<CredentialState>>();
  return (configUrl) => {
    const known = asked.get(configUrl) ?? ask(place, configUrl);
    asked.set(configUrl, known);
    return known;
  };
}

async function ask(place: AskPlace, configUrl: string): Promise<CredentialState> {
  const metrics = { count: () => {}, observe: () => {} };
  const ways = createGithubWays({ ...place, metrics });
  let access;
  try {
    access = await ways.findAccess(configUrl);
  } catch {
    return "unreadable";
  }
  if (!access) return "missing";
  try {
    const deps = { clock: place.clock, settings: { effectTimeoutMs: limitMs } };
    return refusalOf(access, await callRest(deps, access, "GET", access.proofUrl)) ?? "found";
  } catch {
    return "unasked";
  }
}
