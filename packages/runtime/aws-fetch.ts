// Why: the clients of AWS's services see a Fetch like everybody else; that it signs is nobody's business.
import { signAws, type AwsCredentials } from "./aws-sign.ts";
import type { Clock } from "./clock.ts";
import type { Fetch } from "./fetch.ts";

export interface AwsFetchDeps {
  fetch: Fetch;
  clock: Pick<Clock, "wallMs">;
  /** Asked for each call: temporary credentials change. */
  credentials: () => Promise<AwsCredentials>;
}

/** A Fetch whose calls are signed for one service of one region. Bodies must be text. */
export function createAwsFetch(
  deps: AwsFetchDeps,
  place: { service: string; region: string },
): Fetch {
  return async (url, init = {}) => {
    const { method = "GET", headers = {}, body } = init;
    if (body !== undefined && typeof body !== "string") throw new TypeError("a body must be text");
    const request = { method, url, headers, ...(body !== undefined && { body }), ...place };
    const signed = await signAws(await deps.credentials(), request, deps.clock.wallMs());
    return deps.fetch(signed.url, { ...init, method, headers: signed.headers });
  };
}
