// Why: a mistyped fault that never strikes makes a test that cannot fail, so each field is looked
// at.
import { answerChanges, routeNames, type Fault } from "./faults.ts";
import { asFields } from "./json.ts";

/** A fault as it comes from outside; throws with the first thing that is wrong with it. */
export function parseFault(value: unknown): Fault {
  const fields = asFields(value);
  const checks: Record<string, (item: unknown) => boolean> = {
    route: (item) => item === "*" || routeNames.some((name) => name === item),
    scaleSet: (item) => typeof item === "string",
    times: (item) => Number.isInteger(item) && Number(item) >= 1,
    chance: (item) => typeof item === "number" && item >= 0 && item <= 1,
    delayMs: (item) => typeof item === "number" && item >= 0,
    hang: (item) => typeof item === "boolean",
    drop: (item) => item === "before" || item === "after",
    status: (item) => Number.isInteger(item) && Number(item) >= 200 && Number(item) <= 599,
    afterCommit: (item) => typeof item === "boolean",
    body: (item) => typeof item === "string",
    contentType: (item) => typeof item === "string",
    retryAfter: (item) => typeof item === "string",
    answer: (item) => answerChanges.some((name) => name === item),
  };
  if (fields["route"] === undefined) throw new TypeError("a fault needs a route");
  for (const [name, item] of Object.entries(fields)) {
    const check = checks[name];
    if (!check) throw new TypeError(`a fault has no ${name}`);
    if (!check(item)) throw new TypeError(`the fault's ${name} cannot be ${JSON.stringify(item)}`);
  }
  // Each field has just been checked by name and value.
  return fields as unknown as Fault;
}
