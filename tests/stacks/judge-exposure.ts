// Why: what the outside can reach, and what the inside could reach too much of: one public door, no wildcard, everything at
// rest encrypted, no secret in what is deployed.
import * as z from "zod";
import {
  componentOf,
  functionNames,
  functionOf,
  listOf,
  oneOf,
  types,
  type Deployment,
} from "./deployment.ts";
import { environmentOf } from "./environment-of.ts";
import { grantsOf } from "./read-policies.ts";

/** Beside the roles of the functions: EventBridge Scheduler's, which starts the sweep. */
const trustedService = /^\{"Service":"(lambda|scheduler)\.amazonaws\.com"\}$/;
/** A resource may end in a wildcard where what is in it is made by commands or by the platform. */
const openEnd =
  /:secret:[\w-]+\/[\w-]+\/(github|clusters)\/\*$|:log-group:\/aws\/lambda\/[\w-]+:\*$/;

/** What is wrong; `vpc`: the functions have network interfaces. */
export function judgeExposure(deployment: Deployment, vpc = false): string[] {
  return [
    ...judgeRoles(deployment, vpc),
    ...judgeDoors(deployment),
    ...judgeEncryption(deployment),
    ...judgeEnvironments(deployment),
  ];
}

function judgeRoles(deployment: Deployment, vpc: boolean): string[] {
  const network = "arn:aws:iam::aws:policy/service-role/AWSLambdaENIManagementAccess";
  const functions = functionNames.map(componentOf);
  return listOf(deployment, types.role).flatMap((role) => {
    const { own, managed, trusted } = grantsOf(role);
    const ofFunction = functions.some((name) => role.name.startsWith(name));
    const allowed = vpc && ofFunction ? [network] : [];
    return [
      ...own
        .filter((grant) => /^[^ ]*\*/.test(grant) || / on \*( |$)/.test(grant))
        .map((grant) => `${role.name} has a wildcard: ${grant}`),
      ...own
        .filter((grant) => {
          const resource = / on (\S+)/.exec(grant)?.[1] ?? "";
          return resource.includes("*") && !openEnd.test(resource);
        })
        .map((grant) => `${role.name} names no resource: ${grant}`),
      ...managed.filter((arn) => !allowed.includes(arn)).map((arn) => `${role.name} has ${arn}`),
      ...allowed.filter((arn) => !managed.includes(arn)).map((arn) => `${role.name} lacks ${arn}`),
      ...trusted
        .filter((who) => !trustedService.test(who))
        .map((who) => `${role.name} can be taken on by ${who}`),
    ];
  });
}

/** Kinds that would be a door to the outside, or say who may come in; only those below are expected. */
const doorKinds =
  /:FunctionUrl$|:Permission$|Policy:|:TopicPolicy$|:QueuePolicy$|:BucketPolicy$|apigateway|cloudfront|:Listener$/;

function judgeDoors(deployment: Deployment): string[] {
  const webhook = String(functionOf(deployment, "webhook").inputs["name"]);
  const own = deployment.resources.filter(({ custom, type }) => custom && doorKinds.test(type));
  const others = own.filter(({ inputs }) => {
    const name = inputs["functionName"] ?? inputs["function"];
    return name !== webhook;
  });
  const url = oneOf(deployment, types.functionUrl).inputs;
  const allowed = listOf(deployment, types.permission).map(({ inputs }) => JSON.stringify(inputs));
  return [
    ...others.map(({ type, name }) => `${type} ${name} is a door beside the webhook's`),
    ...(url["cors"] === undefined ? [] : ["the webhook answers browsers of other sites"]),
    // Both are needed (AWS, "Control access to Lambda function URLs"), and either only through the address.
    ...allowed
      .filter((text) => !/"functionUrlAuthType":"NONE"|"invokedViaFunctionUrl":true/.test(text))
      .map((text) => `the webhook can be invoked past its address: ${text}`),
    ...(allowed.length === 2 ? [] : [`the webhook's address has ${allowed.length} permissions`]),
  ];
}

function judgeEncryption(deployment: Deployment): string[] {
  const key = oneOf(deployment, types.key);
  const queues = listOf(deployment, types.queue);
  return [
    ...(key.inputs["enableKeyRotation"] === true ? [] : ["the key is not rotated"]),
    ...(key.inputs["policy"] === undefined ? [] : ["the key has a policy that nobody has judged"]),
    ...queues
      .filter(({ inputs }) => inputs["sqsManagedSseEnabled"] !== true)
      .map(({ name }) => `${name} is not encrypted`),
    // DynamoDB encrypts each table with a key of its own, unless told of another (AWS, "Encryption at rest").
    ...(oneOf(deployment, types.table).inputs["serverSideEncryption"] === undefined
      ? []
      : ["the table has a key of its own, and nobody has judged its policy"]),
    ...deployment.resources
      .filter(({ type }) => type.endsWith(":SecretVersion"))
      .map(({ name }) => `${name} is a secret's value in the deployment's state`),
  ];
}

const texts = z.record(z.string(), z.string());

/** Names, addresses and sizes; never what would open something. */
function judgeEnvironments(deployment: Deployment): string[] {
  return functionNames.flatMap((name) => {
    const told = texts.parse(environmentOf(deployment, name));
    const secrets = /gh[opsu]_|github_pat_|BEGIN [A-Z ]*PRIVATE KEY|AKIA/;
    return Object.entries(told)
      .filter(([, value]) => secrets.test(value))
      .map(([key]) => `${name} is told a secret in ${key}`);
  });
}
