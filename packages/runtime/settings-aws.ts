// Why: what a function in the cloud is told stands in its environment: by the deployment (RUNLET_…), by Lambda and by AWS's
// own conventions (AWS SDKs and Tools Reference: AWS_REGION, AWS_ENDPOINT_URL_…). It is read here, with an error that
// names the variable.
import type { AwsCredentials } from "./aws-sign.ts";
import type { ProxyOptions } from "./http-proxy.ts";
import type { LogLevel } from "./log.ts";
import { cloudSettings, demoSettings, type Settings } from "./settings.ts";

/** The services that are called, as a credential scope names them. */
export type AwsServiceName = "dynamodb" | "eks" | "kms" | "lambda" | "secretsmanager" | "sts";

/** The account, as whoever calls it sees it. */
export interface AwsAccountEnvironment {
  region: string;
  /** What Lambda lends this container, or a person's own. */
  credentials(): Promise<AwsCredentials>;
  /** The endpoint of a service, e.g. https://kms.eu-central-1.amazonaws.com */
  urlOf(service: AwsServiceName, region?: string): string;
  proxy: ProxyOptions | undefined;
}

export interface AwsStage extends AwsAccountEnvironment {
  /** The deployment's name, a part of every name in it. */
  stage: string;
  /** Under it lie `webhook`, `github/…` and `clusters/…`. */
  secretsPrefix: string;
  /** For the run of the bundles on one machine; no deployment sets it. */
  allowLoopback: boolean;
}

export interface AwsEnvironment extends AwsStage {
  tableName: string;
  /** The poller's name or ARN. */
  pollerFunction: string;
  /** ARN of the key that wraps data keys; throws where a function has no business with it. */
  kmsKey(): string;
  logLevel: LogLevel;
  settings: Settings;
  /** JSON of the webhooks whose failed deliveries are asked for; "[]" when there are none. */
  webhooks: string;
}

/** Throws for the first variable that is missing or wrong. */
export function readAwsEnvironment(env: NodeJS.ProcessEnv = process.env): AwsEnvironment {
  const need = needOf(env);
  return {
    ...readStage(env, need("RUNLET_STAGE"), need("RUNLET_SECRETS")),
    tableName: need("RUNLET_TABLE"),
    pollerFunction: need("RUNLET_POLLER"),
    kmsKey: () => need("RUNLET_KMS_KEY"),
    logLevel: oneOf(env, "RUNLET_LOG_LEVEL", ["info", "debug", "warn", "error"]),
    settings: readSettings(env),
    webhooks: env["RUNLET_WEBHOOKS"] || "[]",
  };
}

/**
 * What a person's command is told of a stage: names as the deployment makes them. Its table has a name that nobody
 * chose; it stands in the poller's configuration, unless RUNLET_TABLE says it.
 */
export function readAwsStage(stage: string, env: NodeJS.ProcessEnv = process.env) {
  const region = env["AWS_REGION"] || env["AWS_DEFAULT_REGION"];
  const prefix = env["RUNLET_SECRETS"] || `runlet/${stage}`;
  return {
    ...readStage({ ...env, AWS_REGION: region }, stage, prefix),
    tableName: env["RUNLET_TABLE"],
    pollerFunction: env["RUNLET_POLLER"] || `runlet-${stage}-poller`,
    webhookFunction: `runlet-${stage}-webhook`,
  };
}

function readStage(env: NodeJS.ProcessEnv, stage: string, prefix: string): AwsStage {
  const need = needOf(env);
  const region = need("AWS_REGION");
  return {
    stage,
    region,
    secretsPrefix: prefix.replace(/\/+$/, ""),
    credentials: async () => ({
      accessKeyId: need("AWS_ACCESS_KEY_ID"),
      secretAccessKey: need("AWS_SECRET_ACCESS_KEY"),
      ...(env["AWS_SESSION_TOKEN"] && { sessionToken: env["AWS_SESSION_TOKEN"] }),
    }),
    urlOf: (service, at = region) => endpointOf(env, service, at),
    proxy: readProxy(env),
    allowLoopback: env["RUNLET_ALLOW_LOOPBACK"] === "1",
  };
}

function needOf(env: NodeJS.ProcessEnv): (name: string) => string {
  return (name) => {
    const value = env[name];
    if (!value) throw new Error(`the environment variable ${name} is not set: ${remedyFor(name)}`);
    return value;
  };
}

/** In a function Lambda and the deployment set all of them; a person has to. */
function remedyFor(name: string): string {
  if (name === "AWS_REGION") return "set it to the stage's region, e.g. eu-central-1";
  if (name.startsWith("AWS_")) return "`aws configure export-credentials --format env` prints it";
  return "deploy the stage anew, which tells its functions";
}

/** "Service-specific endpoints" of the AWS SDKs and Tools Reference: its own names, upper-cased. */
const endpointNames: Record<AwsServiceName, string> = {
  dynamodb: "DYNAMODB",
  eks: "EKS",
  kms: "KMS",
  lambda: "LAMBDA",
  secretsmanager: "SECRETS_MANAGER",
  sts: "STS",
};

function endpointOf(env: NodeJS.ProcessEnv, service: AwsServiceName, region: string): string {
  const own = env[`AWS_ENDPOINT_URL_${endpointNames[service]}`] || env["AWS_ENDPOINT_URL"];
  if (own) return own.replace(/\/+$/, "");
  const suffix = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return `https://${service}.${region}.${suffix}`;
}

/** HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in either case, as curl and Go read them. */
function readProxy(env: NodeJS.ProcessEnv): ProxyOptions | undefined {
  const either = (name: string) => env[name] || env[name.toLowerCase()];
  const [https, http, no] = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"].map(either);
  if (!https && !http) return undefined;
  return { ...(https && { https }), ...(http && { http }), noProxy: no?.split(",") ?? [] };
}

function readSettings(env: NodeJS.ProcessEnv): Settings {
  const profile = oneOf(env, "RUNLET_PROFILE", ["cloud", "demo"]);
  const settings = profile === "demo" ? demoSettings : cloudSettings;
  const rest = env["RUNLET_REST_AFTER_MS"];
  if (!rest) return settings;
  if (/^[1-9]\d{0,9}$/.test(rest)) return { ...settings, restAfterMs: Number(rest) };
  throw new Error(`the environment variable RUNLET_REST_AFTER_MS is ${rest}: give milliseconds`);
}

/** One of `values`; the first one when the variable is not set. */
function oneOf<T extends string>(env: NodeJS.ProcessEnv, name: string, values: [T, ...T[]]): T {
  const given = env[name] || values[0];
  const found = values.find((value) => value === given);
  if (found) return found;
  throw new Error(`the environment variable ${name} is ${given}: give ${values.join(" or ")}`);
}
