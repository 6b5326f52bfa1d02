import { describe, expect, it } from "vitest";
import { judgeAll } from "./judge.ts";
import { stackMutants, type StackMutant } from "./mutants.ts";
import { synthesize } from "./synthesize.ts";

/** What is said of a deployment with the mistake. */
async function judgeMutant({ in: file, find, replace, ...where }: StackMutant): Promise<string[]> {
  const { stage = "prod", settings } = where;
  const mutant = { in: file, find, replace };
  const deployment = await synthesize({ stage, mutant, ...(settings && { settings }) });
  return judgeAll(deployment, settings);
}

describe.concurrent("a mistake in stacks/ is noticed:", () => {
  it.each(stackMutants)("$name", async (mutant) => {
    const said = await judgeMutant(mutant);
    expect(said.join("\n")).toContain(mutant.said);
  });
});
