// Why: what KMS and Secrets Manager really answer is more than a stand-in of ours would think of; moto knows. KMS's
// encryption context and the versions of secrets are what it is asked for.
import { createShardCiphers } from "@runlet/coordination/data-keys";
import { createKms } from "@runlet/coordination/kms";
import { createMemoryTable } from "@runlet/coordination/memory-table";
import { createSecretCredentials } from "@runlet/coordination/secret-credentials";
import { createCachedSecrets } from "@runlet/coordination/secrets";
import { createSecretsManager } from "@runlet/coordination/secrets-manager";
import { createAssumedRole } from "@runlet/kubernetes/assumed-role";
import { createAwsFetch } from "@runlet/runtime/aws-fetch";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";
import { createSystemRandom } from "@runlet/runtime/random";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { connectMoto, createKey, motoUrl, region, testCredentials } from "./moto.ts";

const clock = createSystemClock();
const random = createSystemRandom();
const http = createHttpFetch({ clock });
const credentials = async () => testCredentials;

beforeEach(async () => {
  await fetch(`${motoUrl()}/moto-api/reset`, { method: "POST" });
});
afterAll(() => http.close());

describe("data keys under KMS", () => {
  test("a shard's key opens in its own context only", async () => {
    const kms = createKms(connectMoto(http, "kms"), await createKey(http));
    const context = { stage: "prod", shard: "shard-1" };
    const { key, wrapped } = await kms.generate(context);
    expect(key).toHaveLength(32);
    expect(Buffer.from(wrapped, "base64").includes(Buffer.from(key))).toBe(false);
    expect(await kms.unwrap(wrapped, context)).toEqual(key);
    for (const other of [
      { ...context, shard: "shard-2" },
      { ...context, stage: "dev" },
    ]) {
      await expect(kms.unwrap(wrapped, other)).rejects.toMatchObject({
        code: "InvalidCiphertextException",
      });
    }
  });
  // What AWS says of another or a disabled KMS key moto does not; data-keys.test.ts has its words.
  test("what one container has sealed the next one opens, and the table holds neither key nor text", async () => {
    const table = createMemoryTable();
    const wrapping = createKms(connectMoto(http, "kms"), await createKey(http));
    const start = () =>
      createShardCiphers({ table, clock, random, wrapping, stage: "prod" })("shard-1");
    const sealed = await start().seal("hunter2", "checkpoint/a");
    expect(await start().open(sealed, "checkpoint/a")).toBe("hunter2");
    const [row] = await table.list("key/");
    const context = { stage: "prod", shard: "shard-1" };
    const wrapped = JSON.stringify(row?.value["wrapped"]).slice(1, -1);
    const key = await wrapping.unwrap(wrapped, context);
    expect(sealed + JSON.stringify(row)).not.toContain("hunter2");
    expect(JSON.stringify(row)).not.toContain(Buffer.from(key).toString("base64"));
  });
});

describe("secrets in Secrets Manager", () => {
  test("are read by name, and rotated ones without a start", async () => {
    const call = connectMoto(http, "secretsmanager");
    const Name = "runlet/prod/github/github.com/my-org";
    const token = (n: number) => `ghp_${String(n).padEnd(36, "0")}`;
    await call("CreateSecret", { Name, SecretString: token(1) });
    let offset = 0;
    const moved = { nowMs: () => clock.nowMs() + offset };
    const secrets = createCachedSecrets({ secrets: createSecretsManager(call), clock: moved });
    const find = async () =>
      (
        await createSecretCredentials(secrets, "runlet/prod/github").find(
          "https://github.com/My-Org/repo",
        )
      )?.credential;
    expect(await find()).toEqual({ kind: "pat", token: token(1) });
    await call("PutSecretValue", { SecretId: Name, SecretString: token(2) });
    expect(await find()).toEqual({ kind: "pat", token: token(1) });
    offset = 300_000;
    expect(await find()).toEqual({ kind: "pat", token: token(2) });
  });
  test("that are not there, or on their way out, are undefined; bytes are refused by name", async () => {
    const call = connectMoto(http, "secretsmanager");
    const secrets = createSecretsManager(call);
    expect(await secrets.find("runlet/none")).toBeUndefined();
    await call("CreateSecret", { Name: "runlet/a", SecretString: "a" });
    await call("DeleteSecret", { SecretId: "runlet/a" });
    expect(await secrets.find("runlet/a")).toBeUndefined();
    await call("CreateSecret", { Name: "runlet/b", SecretBinary: "YQ==" });
    await expect(secrets.find("runlet/b")).rejects.toThrow(
      "secret runlet/b is bytes; store it as text",
    );
  });
});

describe("a role of another account", () => {
  test("is lent by STS", async () => {
    const account = { fetch: http, clock, credentials, stsUrl: motoUrl };
    const roleArn = "arn:aws:iam::210987654321:role/runlet";
    const lent = await createAssumedRole(account, { roleArn, region })();
    expect(lent.accessKeyId).toMatch(/^ASIA/);
    expect(lent.sessionToken).toBeTruthy();
    const signed = createAwsFetch(
      { ...account, credentials: async () => lent },
      { service: "sts", region },
    );
    const who = await signed(`${motoUrl()}/?Action=GetCallerIdentity&Version=2011-06-15`, {
      method: "POST",
    });
    expect(await who.text()).toContain("assumed-role/runlet/runlet");
  });
});
