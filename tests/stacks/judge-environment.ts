// Why: a variable that is read and not given fails when the function starts; one that is given and not read is a setting that
// does nothing. What is read is learned by reading: with an environment that notes each name.
import { parseWebhooks } from "@runlet/runlet/compose/webhook-sources";
import { readAwsEnvironment, type AwsServiceName } from "@runlet/runtime/settings-aws";
import { readBundledSources } from "./bundled-sources.ts";
import { functionNames, functionOf, type Deployment, type FunctionName } from "./deployment.ts";
import { environmentOf } from "./environment-of.ts";
import { accountId, region } from "./place.ts";

/** Lambda sets these (AWS, "Defined runtime environment variables"). */
const byLambda = {
  AWS_REGION: region,
  AWS_ACCESS_KEY_ID: accountId,
  AWS_SECRET_ACCESS_KEY: "s",
  AWS_SESSION_TOKEN: "t",
};
/** Read all the same, and given by no deployment: for a run of the bundles on one machine, and other programs' spellings. */
const neverGiven =
  /^(RUNLET_PROFILE|RUNLET_ALLOW_LOOPBACK|HTTP_PROXY|https?_proxy|no_proxy|AWS_ENDPOINT_URL(_\w+)?)$/;
/** Given only where a stage's settings ask for it. */
const bySetting = new Set(["HTTPS_PROXY", "NO_PROXY", "RUNLET_REST_AFTER_MS"]);

const services: AwsServiceName[] = ["dynamodb", "eks", "kms", "lambda", "secretsmanager", "sts"];

/** What is wrong with what the functions are told. `all`: the stage uses every setting there is. */
export async function judgeEnvironment(deployment: Deployment, all = false): Promise<string[]> {
  const each = functionNames.map(async (name) => {
    const told = environmentOf(deployment, name);
    const read = await listRead(name, told);
    const given = new Set(Object.keys(told));
    const missing = [...read]
      .filter((key) => !given.has(key) && !(key in byLambda) && !neverGiven.test(key))
      .filter((key) => all || !bySetting.has(key));
    return [
      ...missing.map((key) => `${name} reads ${key}, which nobody gives`),
      ...[...given].filter((key) => !read.has(key)).map((key) => `${name} does not read ${key}`),
      ...[...given].filter((key) => neverGiven.test(key)).map((key) => `${name} is given ${key}`),
      ...(await judgeMeaning(deployment, name, told)),
    ];
  });
  return (await Promise.all(each)).flat();
}

/** The names that a function reads. */
async function listRead(name: FunctionName, told: Record<string, string | undefined>) {
  const read = new Set<string>();
  const noting = new Proxy<NodeJS.ProcessEnv>(
    { ...told, ...byLambda },
    {
      get(env, key) {
        if (typeof key === "string") read.add(key);
        // `as`: a name, or a symbol that nobody sets.
        return env[key as string];
      },
    },
  );
  const environment = readAwsEnvironment(noting);
  await environment.credentials();
  for (const service of services) environment.urlOf(service);
  const sources = await readBundledSources(name);
  // These are handed on, and count where something is done with them, which the webhook does with none.
  const roots = [...sources].filter(([path]) => path.startsWith("functions/"));
  const takes = (field: RegExp) => roots.some(([, text]) => field.test(text));
  if (takes(/\benvironment\.kmsKey\(\)/)) read.add("RUNLET_KMS_KEY");
  if (!takes(/\benvironment\.webhooks\b/)) read.delete("RUNLET_WEBHOOKS");
  // One table of settings goes to both, poller and sweep.
  if (!takes(/\bcomposeControlPlane\(/)) read.delete("RUNLET_REST_AFTER_MS");
  const elsewhere = [...sources].filter(([, text]) => /\bprocess\s*\.\s*env\b/.test(text));
  for (const [path] of elsewhere) {
    if (path !== "packages/runtime/settings-aws.ts") read.add(`what ${path} reads`);
  }
  return read;
}

/** What it is told must mean this deployment. */
async function judgeMeaning(
  deployment: Deployment,
  name: FunctionName,
  told: Record<string, string | undefined>,
): Promise<string[]> {
  const environment = readAwsEnvironment({ ...told, ...byLambda });
  const { stage, pollerFunction, allowLoopback, webhooks } = environment;
  const poller = functionOf(deployment, "poller").inputs["name"];
  const wrong = [
    stage !== deployment.stage && `${name} is told the stage ${stage}`,
    pollerFunction !== poller && `${name} would invoke ${pollerFunction}`,
    allowLoopback && `${name} would go to loopback addresses`,
  ].filter((one) => one !== false);
  parseWebhooks(webhooks);
  return wrong;
}
