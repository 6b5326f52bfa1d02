// Why: all rules over one deployment, for the variants that must pass them and the mutants that must not.
import type { Deployment } from "./deployment.ts";
import { judgeAlarms } from "./judge-alarms.ts";
import { judgeEnvironment } from "./judge-environment.ts";
import { judgeExposure } from "./judge-exposure.ts";
import { judgeKeeping } from "./judge-keeping.ts";
import { judgePolicies } from "./judge-policies.ts";
import { judgeTimes } from "./judge-times.ts";
import type { StageOptions } from "./stage-options.ts";

type Judge = (deployment: Deployment, settings?: StageOptions) => string[] | Promise<string[]>;

/** Each rule by the sentence that it holds a deployment to; it answers with what is wrong. */
export const rules: Record<string, Judge> = {
  "each function may do what its code calls, and no more": judgePolicies,
  "each function is told what it reads, and nothing else": (deployment, settings) =>
    judgeEnvironment(deployment, settings?.proxy !== undefined),
  "each alarm watches what is written, and has a runbook": judgeAlarms,
  "nothing is open but the webhook, and what rests is encrypted": (deployment, settings) =>
    judgeExposure(deployment, settings?.vpc !== undefined),
  "prod keeps what would be missed, other stages leave nothing, and the past has an end":
    judgeKeeping,
  "deadlines, leases, retries and limits fit together": (deployment, settings) =>
    judgeTimes(deployment, settings?.scaleSetsMax),
};

/** What is wrong with a deployment, by all of them; one that cannot judge says why. */
export async function judgeAll(deployment: Deployment, settings?: StageOptions): Promise<string[]> {
  const said: string[] = [];
  for (const rule of Object.values(rules)) {
    try {
      said.push(...(await rule(deployment, settings)));
    } catch (error) {
      said.push(error instanceof Error ? error.message : String(error));
    }
  }
  return said;
}
