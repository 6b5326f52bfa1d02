// Why: what a role may do is written in several forms; the rules want it in one: action, resource, condition.
import * as z from "zod";
import type { Resource } from "./deployment.ts";

const texts = z.union([z.string(), z.array(z.string())]).transform((one) => [one].flat());
const condition = z.object({ test: z.string(), variable: z.string(), values: texts });
const statement = z.object({
  Effect: z.literal("Allow"),
  Action: texts,
  Resource: texts.optional(),
  Principal: z.unknown().optional(),
  Condition: z.array(condition).optional(),
});
const policy = z.object({ Statement: z.array(statement) });
/** A policy is text, or a value that Pulumi turns into text. */
const document = z.preprocess(
  (given) => (typeof given === "string" ? (JSON.parse(given) as unknown) : given),
  policy,
);

const role = z.object({
  assumeRolePolicy: document,
  inlinePolicies: z.array(z.object({ policy: document })).default([]),
  managedPolicyArns: z.array(z.string()).default([]),
});

export interface Grants {
  /** Each as `ACTION on RESOURCE`, and ` if VARIABLE = VALUE` where there is a condition; sorted. */
  own: string[];
  /** Policies that AWS keeps, by their ARN. */
  managed: string[];
  /** Who may take on the role, as JSON. */
  trusted: string[];
}

/** What an IAM role grants. Throws for a form that is not understood. */
export function grantsOf({ inputs }: Resource): Grants {
  const { assumeRolePolicy, inlinePolicies, managedPolicyArns } = role.parse(inputs);
  const statements = inlinePolicies.flatMap((one) => one.policy.Statement);
  const own = statements.flatMap(({ Action, Resource: resources = [], Condition = [] }) =>
    Action.flatMap((action) =>
      resources.map((resource) => formatGrant({ action, resource, conditions: Condition })),
    ),
  );
  return {
    own: [...new Set(own)].toSorted(),
    managed: managedPolicyArns,
    trusted: assumeRolePolicy.Statement.map(({ Principal }) => JSON.stringify(Principal)),
  };
}

export interface Grant {
  action: string;
  resource: string;
  conditions?: { test: string; variable: string; values: string[] }[];
}

export function formatGrant({ action, resource, conditions = [] }: Grant): string {
  const tests = conditions.map(({ test, variable, values }) => {
    return `${variable} ${test === "StringEquals" ? "=" : test} ${values.join(" or ")}`;
  });
  const only = tests.length > 0 ? ` if ${tests.toSorted().join(" and ")}` : "";
  return `${action} on ${resource}${only}`;
}
