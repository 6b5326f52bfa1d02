// Why: several rules ask what a function is told.
import * as z from "zod";
import { functionOf, type Deployment, type FunctionName } from "./deployment.ts";

const told = z.object({ environment: z.object({ variables: z.record(z.string(), z.string()) }) });

/** The environment that the deployment gives to a function; what SST adds of its own is left out. */
export function environmentOf(
  deployment: Deployment,
  name: FunctionName,
): Record<string, string | undefined> {
  const { variables } = told.parse(functionOf(deployment, name).inputs).environment;
  return Object.fromEntries(Object.entries(variables).filter(([key]) => !key.startsWith("SST_")));
}
