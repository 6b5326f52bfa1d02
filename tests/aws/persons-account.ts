// Why: the command line finds a stage in the account whose keys are in the environment; here emulators and small stand-ins
// are that account.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createSecretsManager } from "@runlet/coordination/secrets-manager";
import type { Command } from "@runlet/runlet/main";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";
import { vi } from "vitest";
import { runInProcess } from "../demo/run-in-process.ts";
import { newHome, type Ended } from "../demo/run-program.ts";
import { createOwnTable, dynamodbUrl } from "./dynamodb.ts";
import { connectMoto, motoUrl, region, testCredentials } from "./moto.ts";

export interface PersonsAccount {
  home: string;
  /** Runs a command with `--stage test`. */
  run(command: Command, ...args: string[]): Promise<Ended>;
  secrets: ReturnType<typeof createSecretsManager>;
  tableName: string;
  close(): Promise<void>;
}

/** Sets the environment (vi.stubEnv; unstubbed by the test) and makes the stage's table. */
export async function openAccount(
  more: Record<string, string> = {},
  webhookUrl?: string,
): Promise<PersonsAccount> {
  const table = await createOwnTable();
  const http = createHttpFetch({ clock: createSystemClock() });
  const lambda = await startLambda(table.name, webhookUrl);
  const environment = {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: testCredentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: testCredentials.secretAccessKey,
    AWS_ENDPOINT_URL: motoUrl(),
    AWS_ENDPOINT_URL_DYNAMODB: dynamodbUrl(),
    AWS_ENDPOINT_URL_LAMBDA: lambda.url,
    RUNLET_ALLOW_LOOPBACK: "1",
    ...more,
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  return {
    home: newHome(),
    run: (command, ...args) => runInProcess(command, [...args, "--stage", "test"]),
    secrets: createSecretsManager(connectMoto(http, "secretsmanager")),
    tableName: table.name,
    async close() {
      lambda.close();
      http.close();
      await table.remove();
    },
  };
}

/** Lambda, as far as it is asked: the configuration of the poller, and the URL of the webhook. */
async function startLambda(
  tableName: string,
  webhookUrl: string | undefined,
): Promise<{ url: string; close(): void }> {
  const known = new Map<string, object>([
    [
      "/2015-03-31/functions/runlet-test-poller/configuration",
      { Environment: { Variables: { RUNLET_TABLE: tableName } } },
    ],
    ...(webhookUrl === undefined
      ? []
      : ([
          ["/2021-10-31/functions/runlet-test-webhook/url", { FunctionUrl: webhookUrl }],
        ] as const)),
  ]);
  const server = createServer((request, response) => {
    const isSigned = request.headers.authorization?.includes("/lambda/aws4_request") === true;
    const said = isSigned ? known.get(request.url ?? "") : undefined;
    response.writeHead(said ? 200 : 404).end(JSON.stringify(said ?? {}));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo; // a TCP listener has one
  return { url: `http://127.0.0.1:${port}`, close: () => void server.close() };
}
