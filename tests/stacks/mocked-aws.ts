// Why: Pulumi asks the AWS provider what a resource is called once it is there, and for facts of the account. This answers
// as AWS would, by the shapes of its ARNs (AWS, "Service Authorization Reference").
import { accountId, arnOf, region } from "./place.ts";

type Values = Readonly<Record<string, unknown>>;

/** What Pulumi hands to a mock (@pulumi/pulumi, MockResourceArgs and MockCallArgs). */
export interface MockedResource {
  type: string;
  name: string;
  inputs: Values;
}
export interface MockedCall {
  token: string;
  inputs: Values;
}

/** A resource as it is after its creation: what it was given, and what AWS adds. */
export function describeCreated({ type, name, inputs }: MockedResource): Values {
  const { name: given } = inputs;
  const own = typeof given === "string" ? given : name;
  const added = afterwards[type]?.(own, name) ?? {};
  return { name: own, arn: arnOf(type.split(/[:/]/)[1] ?? "", own), ...inputs, ...added };
}

const afterwards: Record<string, (own: string, name: string) => Values> = {
  "aws:lambda/function:Function": (own) => ({
    name: own,
    arn: arnOf("lambda", `function:${own}`),
    qualifiedArn: arnOf("lambda", `function:${own}:1`),
    version: "1",
  }),
  "aws:lambda/functionUrl:FunctionUrl": (_, name) => ({
    functionUrl: `https://${name.toLowerCase()}.lambda-url.${region}.on.aws/`,
  }),
  "aws:dynamodb/table:Table": (own) => ({ arn: arnOf("dynamodb", `table/${own}`) }),
  "aws:iam/role:Role": (own) => ({ arn: `arn:aws:iam::${accountId}:role/${own}` }),
  "aws:sqs/queue:Queue": (own) => ({
    url: `https://sqs.${region}.amazonaws.com/${accountId}/${own}`,
  }),
  "aws:kms/key:Key": () => ({ keyId: "key-1", arn: arnOf("kms", "key/key-1") }),
  // Secrets Manager adds six characters of its own.
  "aws:secretsmanager/secret:Secret": (own) => ({
    arn: arnOf("secretsmanager", `secret:${own}-AbCdEf`),
  }),
  "aws:cloudwatch/logGroup:LogGroup": (own) => ({ arn: arnOf("logs", `log-group:${own}`) }),
  "aws:cloudwatch/metricAlarm:MetricAlarm": (own) => ({ arn: arnOf("cloudwatch", `alarm:${own}`) }),
  "random:index/randomBytes:RandomBytes": () => ({
    base64: Buffer.alloc(32, 7).toString("base64"),
    hex: "07".repeat(32),
  }),
};

/** A fact that the provider is asked for. Throws for one that nobody has asked so far. */
export function answerCall({ token, inputs }: MockedCall): Values {
  const answer = facts[token];
  if (answer) return answer(inputs);
  throw new Error(`the AWS provider was asked ${token}, which has no answer here`);
}

const facts: Record<string, (inputs: Values) => Values> = {
  "aws:index/getPartition:getPartition": () => ({
    id: "aws",
    partition: "aws",
    dnsSuffix: "amazonaws.com",
    reverseDnsPrefix: "com.amazonaws",
  }),
  "aws:index/getRegion:getRegion": () => ({ id: region, region, name: region }),
  "aws:index/getCallerIdentity:getCallerIdentity": () => ({
    id: accountId,
    accountId,
    arn: `arn:aws:iam::${accountId}:root`,
  }),
  "aws:iam/getPolicyDocument:getPolicyDocument": ({ statements }) => ({
    id: "document",
    statements,
    json: JSON.stringify({ Version: "2012-10-17", Statement: toStatements(statements) }),
  }),
};

/** The provider's form of a statement in IAM's words. */
function toStatements(statements: unknown): Values[] {
  // `as`: the provider's own type (GetPolicyDocumentStatement).
  const given = (statements ?? []) as Record<string, unknown>[];
  return given.map(({ effect = "Allow", actions, resources, principals, conditions }) => ({
    Effect: effect,
    Action: actions,
    ...(resources !== undefined && { Resource: resources }),
    ...(principals !== undefined && { Principal: principals }),
    ...(conditions !== undefined && { Condition: conditions }),
  }));
}
