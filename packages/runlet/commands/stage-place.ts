// Why: a deployed stage is looked at with the rights of whoever types the command, over the same adapters as its functions.
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import { createRegistry } from "@runlet/coordination/registry";
import { createSecretCredentials } from "@runlet/coordination/secret-credentials";
import { createSecretsManagerStore } from "@runlet/coordination/secrets-manager-store";
import type { Table } from "@runlet/coordination/table";
import { withDeadline } from "@runlet/runtime/deadline";
import { readAwsStage } from "@runlet/runtime/settings-aws";
import * as z from "zod";
import { createAwsCalls, type AwsCalls } from "../compose/aws-calls.ts";
import { createGithubFetch } from "../compose/github-fetch.ts";
import { createStageWays } from "../compose/stage-ways.ts";
import type { Place, PlaceDeps } from "./place.ts";

/** Talks to nobody yet. Throws for a variable of the environment that is missing. */
export function openStage(deps: PlaceDeps, name: string): Place {
  const stage = readAwsStage(name);
  const aws = createAwsCalls(deps.clock, stage);
  const secrets = createSecretsManagerStore(aws.secretsManager);
  const { way, createFetch, accessTo } = createStageWays({ ...deps, secrets, aws }, stage);
  let opening: Promise<Table> | undefined;
  const table = () => {
    opening ??= findTableName(deps, aws, stage).then((tableName) =>
      createDynamodbTable(aws.dynamodb, tableName),
    );
    return opening;
  };
  return {
    ...deps,
    label: `stage ${name} in ${stage.region}`,
    stopped: undefined,
    table,
    registry: async () => createRegistry({ ...deps, table: await table() }),
    secrets,
    secretName: (part) => `${stage.secretsPrefix}/${part}`,
    credentials: createSecretCredentials(secrets, `${stage.secretsPrefix}/github`),
    givenScopes: [],
    accessTo,
    createFetch,
    fetchFor: (credential) => createGithubFetch(deps.clock, credential, way),
    webhookUrl: () => findWebhookUrl(deps, aws, stage),
    region: stage.region,
    close: () => aws.http.close(),
  };
}

/** Lambda's GetFunctionConfiguration, as far as it is of use. */
const configuration = z.object({
  Environment: z.object({ Variables: z.object({ RUNLET_TABLE: z.string() }) }),
});
const limitMs = 10_000;

/** GET of Lambda's API with the rights of whoever types the command. */
async function askLambda({ clock }: PlaceDeps, aws: AwsCalls, url: string) {
  return withDeadline(clock, limitMs, undefined, async (signal) => {
    const answer = await aws.signedFor("lambda")(url, { signal });
    return { status: answer.status, text: await answer.text() };
  });
}

const functionUrl = z.object({ FunctionUrl: z.url() });

/** Lambda's GetFunctionUrlConfig. Undefined also where the function is not there yet, or may not be asked about. */
async function findWebhookUrl(
  deps: PlaceDeps,
  aws: AwsCalls,
  stage: ReturnType<typeof readAwsStage>,
): Promise<string | undefined> {
  const base = `${stage.urlOf("lambda")}/2021-10-31/functions`;
  const url = `${base}/${encodeURIComponent(stage.webhookFunction)}/url`;
  const { status, text } = await askLambda(deps, aws, url);
  if (status !== 200) return undefined;
  return `${functionUrl.parse(JSON.parse(text)).FunctionUrl.replace(/\/+$/, "")}/webhook`;
}

/** The poller is told its table; so it can be asked. */
async function findTableName(
  deps: PlaceDeps,
  aws: AwsCalls,
  stage: ReturnType<typeof readAwsStage>,
): Promise<string> {
  if (stage.tableName) return stage.tableName;
  const { pollerFunction: poller, region } = stage;
  const base = `${stage.urlOf("lambda")}/2015-03-31/functions`;
  const url = `${base}/${encodeURIComponent(poller)}/configuration`;
  const { status, text } = await askLambda(deps, aws, url);
  if (status === 404) {
    throw new Error(
      `there is no function ${poller} in ${region}: is stage ${stage.stage} deployed, and is this its account?`,
    );
  }
  if (status !== 200) throw new Error(`cannot ask for ${poller} in ${region}: HTTP ${status}`);
  const read = configuration.safeParse(JSON.parse(text));
  if (read.success) return read.data.Environment.Variables.RUNLET_TABLE;
  throw new Error(`function ${poller} in ${region} is told no RUNLET_TABLE: deploy it anew`);
}
