// Why: the store of secrets in the cloud is held to the suite of the port; what is on its way out is moto's to say.
import { createSecretsManagerStore } from "@runlet/coordination/secrets-manager-store";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";
import { afterAll, describe } from "vitest";
import { secretStoreSuite } from "../contract/secrets/suite.ts";
import { connectMoto, motoUrl } from "./moto.ts";

const http = createHttpFetch({ clock: createSystemClock() });
afterAll(() => http.close());

describe("secrets in Secrets Manager", () => {
  secretStoreSuite(async () => {
    await fetch(`${motoUrl()}/moto-api/reset`, { method: "POST" });
    return createSecretsManagerStore(connectMoto(http, "secretsmanager"));
  });
});
