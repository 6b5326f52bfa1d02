// Why: almost everything under the service's address takes the admin token and belongs to that
// token's scope; who comes without one is told so in the service's own words.
import { answerException } from "./answers.ts";
import type { Call } from "./routes.ts";
import type { SimulatedScaleSet } from "./scale-sets.ts";
import type { Simulation } from "./simulation.ts";

type Deed<T> = (call: Call, of: T) => Response | Promise<Response>;

/** A deed for the scope of the admin token. */
export function withAdmin(
  simulation: Simulation,
  deed: Deed<string>,
): (call: Call) => Response | Promise<Response> {
  return (call) => {
    const scope = findScope(simulation, call);
    if (scope === undefined) {
      return answerException(401, "InvalidToken", "The token is invalid or has expired.");
    }
    const version = call.query.get("api-version");
    if (simulation.knobs().apiVersionRequired && version === null) {
      return answerException(400, "BadRequest", "No api-version was supplied.");
    }
    return deed(call, scope);
  };
}

/** A deed for the scale set `:id` of the admin token's scope. */
export function withScaleSet(
  simulation: Simulation,
  deed: Deed<SimulatedScaleSet>,
): (call: Call) => Response | Promise<Response> {
  return withAdmin(simulation, (call, scope) => {
    const set = simulation.scaleSets.find(scope, Number(call.param("id")));
    return set ? deed(call, set) : answerNoScaleSet(call.param("id"));
  });
}

export function answerNoScaleSet(id: string): Response {
  return answerException(
    404,
    "ScaleSetNotFound",
    `No runner scale set found with identifier ${id}.`,
  );
}

/** The scale set that a call is about, as far as its path and tokens tell. */
export function scaleSetOfCall(simulation: Simulation, call: Call): string | undefined {
  const { tokens, sessions, scaleSets, runnerDesk } = simulation;
  const session = sessions.byToken(call.token);
  if (session) return session.scaleSet;
  const runner = runnerDesk.find(call.token);
  if (runner) return runner.scaleSet;
  const scope = tokens.find("admin", call.token);
  const id = call.param("id");
  return scope === undefined || id === "" ? undefined : scaleSets.find(scope, Number(id))?.key;
}

/** In a tenant's address only that tenant's token is good. */
function findScope({ tokens, tenant }: Simulation, call: Call): string | undefined {
  const scope = tokens.find("admin", call.token);
  const number = call.param("tenant");
  if (scope === undefined || (number !== "" && Number(number) !== tenant(scope))) return undefined;
  return scope;
}
