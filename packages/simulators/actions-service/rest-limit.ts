// Why: GitHub counts the REST calls of each token and hour, says in every answer how many are left, and refuses with
// 403 when none is; and a token's answers say when it ends (docs.github.com, "Rate limits for the REST API",
// "Token expiration and revocation").
import { answerRestError } from "./answers.ts";
import type { Call, Routes } from "./routes.ts";
import type { Simulation } from "./simulation.ts";

const hourMs = 60 * 60_000;

/** `routes` whose calls are counted. */
export function countRestCalls(routes: Routes, simulation: Simulation): Routes {
  return {
    on: (method, path, name, deed) =>
      routes.on(method, path, name, async (call) => {
        const limit = takeCall(simulation, call.token ?? "", name === "rateLimit");
        const response =
          limit.left < 0
            ? answerRestError(403, "API rate limit exceeded for this user.")
            : await deed(call);
        response.headers.set("x-ratelimit-limit", String(limit.max));
        response.headers.set("x-ratelimit-remaining", String(Math.max(0, limit.left)));
        response.headers.set("x-ratelimit-reset", String(Math.ceil(limit.resetAt / 1000)));
        setExpiry(simulation, call, response);
        return response;
      }),
  };
}

/** Counts one call of `token`; asking for the limit itself is free. */
function takeCall({ clock, knobs, restCalls }: Simulation, token: string, isFree: boolean) {
  const now = clock.wallMs();
  for (const [key, { resetAt }] of restCalls) if (resetAt <= now) restCalls.delete(key);
  const window = restCalls.get(token) ?? { used: 0, resetAt: now + hourMs };
  restCalls.set(token, window);
  if (!isFree) window.used += 1;
  const max = knobs().restCallsMax;
  return { max, left: max - window.used, resetAt: window.resetAt };
}

function setExpiry({ options, knobs }: Simulation, call: Call, response: Response): void {
  const { patExpiresAt } = knobs();
  if (patExpiresAt === 0 || call.token !== options.pat) return;
  const [day, time] = new Date(patExpiresAt).toISOString().split(/[T.]/);
  response.headers.set("github-authentication-token-expiration", `${day} ${time} UTC`);
}
